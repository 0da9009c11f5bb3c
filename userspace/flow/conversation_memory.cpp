#include "userspace/flow/conversation_memory.h"

#include "userspace/base/limits.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

namespace veilwire::flow {
namespace {

// List node, hash node and what a turn is made of, roughly.
constexpr std::size_t kEntryBytes = 384;
constexpr std::size_t kOriginalBytes = 128;
// A client that asks again gets another answer to the same turn; only one of them goes on.
constexpr std::size_t kAnswers = 4;

// Masks that are looked for at a place, beginning with the first that was not met: texts of several
// blocks come in turns, and one that a client has altered must not hide all behind it.
constexpr std::size_t kAhead = 64;

constexpr std::string_view kMaskBegin = "[MASKED:";
// Longer than a mask with the longest id of a rule.
constexpr std::size_t kLongestMask = 160;

struct Replaced {
  std::string mask;
  Secret original;
  std::uint64_t at = 0;
  bool number = false;

  // Where it stands in the text, from `from` on, if it is the one that went out there.
  std::optional<std::size_t> place(std::string_view text, std::size_t from) const {
    if (number) return from == 0 && text == mask ? std::optional<std::size_t>(0) : std::nullopt;
    if (mask.size() > text.size()) return std::nullopt;
    const std::uint64_t where = at == masking::Original::kAtEnd ? text.size() - mask.size() : at;
    if (where < from || where > text.size() - mask.size()) return std::nullopt;
    const auto begin = static_cast<std::size_t>(where);
    return text.substr(begin, mask.size()) == mask ? std::optional(begin) : std::nullopt;
  }
};

std::size_t size_of(const ConversationMemory::Turn& turn) {
  return kEntryBytes + turn.spans.size() * sizeof(turn.spans[0]) +
         turn.head.size() * sizeof(turn.head[0]);
}

struct Match {
  std::vector<ConversationMemory::Place> places;
  std::size_t met = 0, missed = SIZE_MAX;  // of what was replaced
};

class Matcher {
 public:
  Matcher(const std::vector<std::string>& texts, const std::vector<Replaced>& replaced)
      : texts_(texts), replaced_(replaced), met_(replaced.size()) {
    for (std::size_t i = 0; i < replaced.size(); ++i)
      if (!replaced[i].number) named_[replaced[i].mask].which.push_back(i);
  }

  Match run() {
    for (text_ = 0; text_ < texts_.size(); ++text_) {
      const std::size_t first = match_.places.size();
      by_place();
      by_name(first);
    }
    match_.missed = replaced_.size() - match_.met;
    return std::move(match_);
  }

 private:
  void add(std::size_t at, const Replaced& one) {
    match_.places.push_back(
        {text_, at, one.mask.size(), std::string(one.original.reveal()), one.number});
  }
  void meet(std::size_t i) {
    met_[i] = true;
    ++match_.met;
    while (next_ < met_.size() && met_[next_]) ++next_;
  }

  void by_place() {
    std::size_t from = 0;
    for (std::size_t i = next_; i < replaced_.size() && i < next_ + kAhead; ++i) {
      if (met_[i]) continue;
      const auto at = replaced_[i].place(texts_[text_], from);
      if (!at) continue;
      add(*at, replaced_[i]);
      from = *at + replaced_[i].mask.size();
      meet(i);
    }
  }

  // The begin of every key block reads alike, and so do their masks: they go by their order.
  void by_name(std::size_t first) {
    const std::string_view text = texts_[text_];
    const std::size_t placed = match_.places.size();
    for (std::size_t at = 0; (at = text.find(kMaskBegin, at)) != std::string_view::npos;) {
      const std::size_t end = text.substr(at, kLongestMask).find(']');
      const std::string_view mask = text.substr(at, end == std::string_view::npos ? 0 : end + 1);
      const bool known =
          std::any_of(match_.places.begin() + static_cast<std::ptrdiff_t>(first),
                      match_.places.begin() + static_cast<std::ptrdiff_t>(placed),
                      [at](const auto& p) { return at >= p.at && at < p.at + p.size; });
      if (const Replaced* one = known || mask.empty() ? nullptr : named(mask)) add(at, *one);
      at += std::max(mask.size(), kMaskBegin.size());
    }
    std::ranges::sort(match_.places.begin() + static_cast<std::ptrdiff_t>(first),
                      match_.places.end(), {}, &ConversationMemory::Place::at);
  }

  const Replaced* named(std::string_view mask) {
    const auto found = named_.find(mask);
    if (found == named_.end()) return nullptr;
    auto& [which, next] = found->second;
    while (next < which.size() && met_[which[next]]) ++next;
    if (next == which.size()) return &replaced_[which.front()];
    const std::size_t i = which[next];
    meet(i);
    return &replaced_[i];
  }

  struct Named {
    std::vector<std::size_t> which;
    std::size_t next = 0;
  };
  const std::vector<std::string>& texts_;
  const std::vector<Replaced>& replaced_;
  std::vector<bool> met_;
  std::map<std::string_view, Named> named_;
  std::size_t text_ = 0;
  std::size_t next_ = 0;  // the first that was not met
  Match match_;
};

}  // namespace

class ConversationMemory::Answer {
 public:
  explicit Answer(const crypto::Digest& to) : turn(to) {}

  const crypto::Digest turn;
  std::vector<Replaced> replaced;  // in order
};

struct ConversationMemory::Entry {
  crypto::Digest digest;
  std::uint32_t user = 0;
  std::shared_ptr<const Turn> turn;
  std::vector<std::shared_ptr<Answer>> answers;  // the newest last
  std::size_t bytes = 0;
  Monotonic used;
};

std::size_t ConversationMemory::Hash::operator()(const crypto::Digest& digest) const {
  std::size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof(hash));
  return hash;
}

ConversationMemory::ConversationMemory(const crypto::Digest& key, std::size_t bytes)
    : key_(key), limit_(bytes) {}
ConversationMemory::~ConversationMemory() = default;

crypto::Digest ConversationMemory::beginning(std::uint32_t user, std::string_view host) const {
  char whose[sizeof(user)];
  std::memcpy(whose, &user, sizeof(user));
  crypto::Sha256 hash;
  hash.update(crypto::as_bytes(key_));
  hash.update({whose, sizeof(whose)});
  hash.update(host);
  return hash.finish();
}

crypto::Digest ConversationMemory::behind(const crypto::Digest& at, bool assistant,
                                          const crypto::Digest& said) {
  crypto::Sha256 hash;
  hash.update(crypto::as_bytes(at));
  hash.update(assistant ? "a" : "u");
  hash.update(crypto::as_bytes(said));
  return hash.finish();
}

std::shared_ptr<const ConversationMemory::Turn> ConversationMemory::find(const crypto::Digest& at,
                                                                         Monotonic now) {
  const std::lock_guard lock(mutex_);
  const auto found = by_digest_.find(at);
  if (found == by_digest_.end()) return nullptr;
  use(*found->second, now);
  return found->second->turn;
}

std::shared_ptr<ConversationMemory::Answer> ConversationMemory::sent(std::uint32_t user,
                                                                     const crypto::Digest& at,
                                                                     Turn turn, Monotonic now) {
  auto answer = std::make_shared<Answer>(at);
  const std::size_t bytes = size_of(turn);
  const std::lock_guard lock(mutex_);
  auto found = by_digest_.find(at);
  if (found == by_digest_.end()) {
    User& whose = users_[user];
    whose.entries.push_front(
        {.digest = at, .user = user, .turn = {}, .answers = {}, .bytes = 0, .used = now});
    found = by_digest_.emplace(at, whose.entries.begin()).first;
  }
  Entry& entry = *found->second;
  const std::size_t before = entry.turn ? size_of(*entry.turn) : 0;
  std::size_t& enforced = users_[user].enforced;
  if (entry.turn && entry.turn->enforced) --enforced;
  if (turn.enforced) ++enforced;
  entry.turn = std::make_shared<const Turn>(std::move(turn));
  entry.answers.push_back(answer);
  if (entry.answers.size() > kAnswers) entry.answers.erase(entry.answers.begin());
  grow(entry, bytes - before);
  use(entry, now);
  make_room(now);
  return answer;
}

void ConversationMemory::masked(Answer& answer, std::vector<masking::Original> originals) {
  const std::lock_guard lock(mutex_);
  const auto found = by_digest_.find(answer.turn);
  std::size_t bytes = 0;
  for (masking::Original& original : originals) {
    if (original.mask.empty()) continue;  // it would stand everywhere
    bytes += original.text.size();
    if (!original.goes_on) {
      bytes += kOriginalBytes + original.mask.size();
      answer.replaced.push_back({std::move(original.mask), Secret(std::move(original.text)),
                                 original.at, original.number});
      continue;
    }
    // Texts of several blocks may come in turns.
    const auto begun = std::find_if(answer.replaced.rbegin(), answer.replaced.rend(),
                                    [&](const Replaced& one) { return one.mask == original.mask; });
    if (begun == answer.replaced.rend()) continue;
    std::string whole(begun->original.reveal());
    whole += original.text;
    wipe(original.text.data(), original.text.size());
    begun->original = Secret(std::move(whole));
  }
  if (found == by_digest_.end()) return;
  grow(*found->second, bytes);
  make_room(found->second->used);
}

bool ConversationMemory::has_masks(const crypto::Digest& at) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_digest_.find(at);
  return found != by_digest_.end() &&
         std::ranges::any_of(found->second->answers,
                             [](const auto& answer) { return !answer->replaced.empty(); });
}

bool ConversationMemory::enforces(std::uint32_t user) const {
  const std::lock_guard lock(mutex_);
  const auto found = users_.find(user);
  return found != users_.end() && found->second.enforced > 0;
}

std::vector<ConversationMemory::Place> ConversationMemory::originals(
    const crypto::Digest& at, const std::vector<std::string>& texts) {
  const std::lock_guard lock(mutex_);
  const auto found = by_digest_.find(at);
  if (found == by_digest_.end()) return {};
  // The answer that the client goes on from is the one whose masks are here, and no others.
  Match best;
  const auto& answers = found->second->answers;
  for (auto answer = answers.rbegin(); answer != answers.rend(); ++answer) {
    Match match = Matcher(texts, (*answer)->replaced).run();
    if (match.met > best.met || (match.met == best.met && match.missed < best.missed))
      best = std::move(match);
  }
  return std::move(best.places);
}

ConversationMemory::Counts ConversationMemory::counts() const {
  const std::lock_guard lock(mutex_);
  return {by_digest_.size(), bytes_};
}

void ConversationMemory::use(Entry& entry, Monotonic now) {
  entry.used = now;
  Entries& entries = users_[entry.user].entries;
  entries.splice(entries.begin(), entries, by_digest_.at(entry.digest));
}

// bytes may be a difference below zero, in modular arithmetic.
void ConversationMemory::grow(Entry& entry, std::size_t bytes) {
  entry.bytes += bytes;
  users_[entry.user].bytes += bytes;
  bytes_ += bytes;
}

void ConversationMemory::drop_oldest(User& user) {
  const Entry& oldest = user.entries.back();
  bytes_ -= oldest.bytes;
  user.bytes -= oldest.bytes;
  if (oldest.turn && oldest.turn->enforced) --user.enforced;
  by_digest_.erase(oldest.digest);
  user.entries.pop_back();
}

void ConversationMemory::make_room(Monotonic now) {
  for (auto user = users_.begin(); user != users_.end();) {
    Entries& entries = user->second.entries;
    while (!entries.empty() && entries.back().used + limits::kConversationIdle < now)
      drop_oldest(user->second);
    user = entries.empty() ? users_.erase(user) : std::next(user);
  }
  while (bytes_ > limit_ && !users_.empty()) {
    const auto most =
        std::ranges::max_element(users_, {}, [](const auto& one) { return one.second.bytes; });
    drop_oldest(most->second);
    if (most->second.entries.empty()) users_.erase(most);
  }
}

}  // namespace veilwire::flow
