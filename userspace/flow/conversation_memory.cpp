#include "userspace/flow/conversation_memory.h"

#include "userspace/base/limits.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace veilwire::flow {
namespace {

// List node, hash node and what a turn is made of, roughly.
constexpr std::size_t kEntryBytes = 384;
constexpr std::size_t kOriginalBytes = 128;
// A client that asks again gets another answer to the same turn; only one of them goes on.
constexpr std::size_t kAnswers = 4;

struct Replaced {
  std::string mask;
  Secret original;
};

std::size_t size_of(const ConversationMemory::Turn& turn) {
  return kEntryBytes + turn.spans.size() * sizeof(turn.spans[0]) +
         turn.head.size() * sizeof(turn.head[0]);
}

}  // namespace

class ConversationMemory::Answer {
 public:
  explicit Answer(const crypto::Digest& to) : turn(to) {}

  const crypto::Digest turn;
  std::vector<Replaced> replaced;  // in order

  bool has(const std::vector<std::string_view>& masks) const {
    return std::ranges::all_of(masks, [this](std::string_view mask) {
      return std::ranges::find(replaced, mask, &Replaced::mask) != replaced.end();
    });
  }
  bool is(const std::vector<std::string_view>& masks) const {
    return std::ranges::equal(masks, replaced, {}, {}, &Replaced::mask);
  }
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
    bytes += original.text.size();
    if (!original.goes_on) {
      bytes += kOriginalBytes;
      answer.replaced.push_back({std::move(original.mask), Secret(std::move(original.text))});
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

std::vector<std::optional<std::string>> ConversationMemory::originals(
    const crypto::Digest& at, const std::vector<std::string_view>& masks) {
  std::vector<std::optional<std::string>> texts(masks.size());
  const std::lock_guard lock(mutex_);
  const auto found = by_digest_.find(at);
  if (found == by_digest_.end()) return texts;
  // The answer that the client goes on from is the one with these masks.
  const auto& answers = found->second->answers;
  const auto newest = [&](auto fits) {
    const auto one = std::find_if(answers.rbegin(), answers.rend(), fits);
    return one == answers.rend() ? nullptr : one->get();
  };
  const Answer* answer = newest([&](const auto& one) { return one->is(masks); });
  if (answer == nullptr) answer = newest([&](const auto& one) { return one->has(masks); });
  if (answer == nullptr) answer = newest([](const auto& one) { return !one->replaced.empty(); });
  if (answer == nullptr) return texts;
  // The begin of every key block reads alike, and so do their masks: they go by their order.
  std::map<std::string_view, std::size_t> next;
  for (std::size_t i = 0; i < masks.size(); ++i) {
    const auto from = answer->replaced.begin() + static_cast<std::ptrdiff_t>(next[masks[i]]);
    auto one = std::find_if(from, answer->replaced.end(),
                            [&](const Replaced& r) { return r.mask == masks[i]; });
    if (one == answer->replaced.end()) {
      one = std::ranges::find(answer->replaced, masks[i], &Replaced::mask);
      if (one == answer->replaced.end()) continue;
    } else {
      next[masks[i]] = static_cast<std::size_t>(one - answer->replaced.begin()) + 1;
    }
    texts[i] = std::string(one->original.reveal());
  }
  return texts;
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
