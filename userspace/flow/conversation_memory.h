// What is known of running conversations, so that a provider finds every earlier turn as it has
// seen it: current models sign their thinking and bind it to all that was sent before, and refuse a
// conversation in which that has changed.
//
// A turn is named by a keyed digest of all that was said up to its end: the messages of a request.
// Kept for each: which engines read it, so that a changed policy does not rewrite what has been
// sent, and what the masks in its answers stand for. The latter are secrets: they stay in memory,
// are wiped with their turn, belong to one user, and go nowhere but back to the host that sent
// them, behind the same words.
//
// A mask is found again where it went out: by its words and its place in its text. So a rule's own
// replacement goes back too, which may be the same for two secrets or a word that anybody says.
// Where a client has cut or trimmed a text, what names its finding ([MASKED:...]) is found
// anywhere; a replacement that does not stays what the client sends.
//
// Bounded; of the user who has most, the turn that was not used for longest goes first. Whose turn
// is forgotten is told apart by the provider alone: it refuses the conversation, and clients that
// know how go on without the thinking. Any thread may call. Tested by
// tests/unit/flow/conversation_test.cpp.
#pragma once

#include "userspace/base/secret.h"
#include "userspace/base/time.h"
#include "userspace/crypto/hash.h"
#include "userspace/masking/encoded_text.h"
#include "userspace/masking/engine.h"

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace veilwire::flow {

class ConversationMemory {
 public:
  using EnginePtr = std::shared_ptr<const masking::Engine>;
  // What a request and its answer are read by.
  struct Engines {
    EnginePtr request, response;
    bool operator==(const Engines&) const = default;
  };
  // Messages behind the span before, up to so many.
  struct Span {
    std::size_t messages = 0;
    Engines engines;
  };
  struct Turn {
    std::vector<Span> spans;
    // What was said in system and tools, by the first bytes of its digest, and what has read it.
    std::vector<std::pair<std::uint64_t, EnginePtr>> head;
    // It or a turn before it was read to be changed, not only observed: what comes behind may have
    // to be read so, too.
    bool enforced = true;
  };

  static constexpr std::size_t kBytes = std::size_t{32} << 20;

  explicit ConversationMemory(const crypto::Digest& key, std::size_t bytes = kBytes);
  ~ConversationMemory();

  // Before the first message of anybody's conversation with a host.
  crypto::Digest beginning(std::uint32_t user, std::string_view host) const;
  static crypto::Digest behind(const crypto::Digest& at, bool assistant,
                               const crypto::Digest& said);

  // The turn that ends there; nullptr: none that is remembered.
  std::shared_ptr<const Turn> find(const crypto::Digest& at, Monotonic now);

  // One answer to a turn, and what the masks in it stand for.
  class Answer;
  // A request goes out that ends there.
  std::shared_ptr<Answer> sent(std::uint32_t user, const crypto::Digest& at, Turn turn,
                               Monotonic now);
  void masked(Answer& answer, std::vector<masking::Original> originals);
  // Whether there are masks in an answer behind `at`.
  bool has_masks(const crypto::Digest& at) const;
  // Whether any turn of the user's is enforced.
  bool enforces(std::uint32_t user) const;
  // What stands for what in texts of such an answer, which are its keys and strings, decoded and in
  // order. Ordered by where it stands.
  struct Place {
    std::size_t text = 0;
    std::size_t at = 0, size = 0;  // of the mask in it
    std::string original;
    bool number = false;  // it is all of the text and stands for a number
  };
  std::vector<Place> originals(const crypto::Digest& at, const std::vector<std::string>& texts);

  struct Counts {
    std::size_t turns = 0, bytes = 0;
  };
  Counts counts() const;

 private:
  struct Entry;
  using Entries = std::list<Entry>;
  struct User {
    Entries entries;  // used last in front
    std::size_t bytes = 0;
    std::size_t enforced = 0;  // turns
  };
  struct Hash {
    std::size_t operator()(const crypto::Digest& digest) const;
  };
  void use(Entry& entry, Monotonic now);
  void grow(Entry& entry, std::size_t bytes);
  void drop_oldest(User& user);
  void make_room(Monotonic now);

  const crypto::Digest key_;
  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::map<std::uint32_t, User> users_;
  std::unordered_map<crypto::Digest, Entries::iterator, Hash> by_digest_;
  std::size_t bytes_ = 0;
};

}  // namespace veilwire::flow
