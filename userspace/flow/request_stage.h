// Holds one request until it is whole, then says what goes upstream and what the record says.
// Nothing leaves before the last byte has been scanned, because a block must come before the first
// one. One that is only observed goes on as it comes, but for the bytes that make it whole: they
// come behind its record. Tested by tests/unit/flow/http_relay_test.cpp and observe_test.cpp.
#pragma once

#include "userspace/audit/record.h"
#include "userspace/flow/exchange.h"
#include "userspace/flow/memory_budget.h"
#include "userspace/flow/refusal.h"
#include "userspace/flow/ruleset.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::flow {

class RequestStage {
 public:
  // exchange outlives the stage.
  explicit RequestStage(Exchange& exchange) : exchange_(exchange), hold_(exchange.memory) {}

  enum class Taken {
    Held,
    OverLimit,  // more than is ever held (limits::kRequestBody); held all the same
    NoRoom,     // too much is held for others: not taken
  };
  // Transfer coding removed, content coding still there.
  Taken body(std::string_view bytes);
  void trailers(wire::FieldSection section) { trailers_ = std::move(section); }
  wire::FieldSection take_trailers() { return std::move(trailers_); }
  std::size_t size() const { return body_.size(); }

  // For a refusal before finish(): who asked what, so that the answer is one to that. Nothing where
  // the body has a coding.
  void read_question();

  // Of one that is observed and goes on as it comes: its head and what may go on of its body.
  struct Outcome;
  Outcome begin();
  bool begun() const { return begun_; }
  // The same of what has come since.
  std::string pass_on();
  // Its body is not kept any more to be inspected, which is recorded; it goes on all the same.
  audit::Gap give_up(std::string_view reason, bool passes);
  // It is answered before it is whole.
  std::optional<audit::Body> early_head(const Ruleset& ruleset, const identity::Person& person);

  struct Outcome {
    std::optional<Refusal> refusal;    // then nothing goes upstream
    std::vector<audit::Body> records;  // before anything else
    std::string bytes;                 // head and body for the upstream
    std::size_t head_size = 0;         // of these
    std::optional<Original> original;  // of which more comes
  };
  // Of one that has begun to go on, what is left of it.
  Outcome finish(const Ruleset& ruleset, const identity::Person& person, Now now);
  // What follows where no room is left: come back later, or, where there could never be room for
  // this much, a refusal for good.
  Outcome no_room(std::size_t bytes) const;
  // Policy lets a request that is over the limit pass: what is here goes on as it came, with a gap
  // on record, and the caller sends the rest behind it. Its head is inspected all the same.
  Outcome pass_unseen(const Ruleset& ruleset, const identity::Person& person, Now now);

 private:
  struct Scan;
  // What a body that cannot be looked into means; true: it passes, with a gap on record.
  bool pass_uninspected(policy::Uninspected kind, std::string_view detail, const Ruleset& ruleset,
                        Outcome& out) const;
  void no_room_to_look(std::size_t bytes, Outcome& out);
  // false: out says what follows.
  bool decode(const Ruleset& ruleset, Outcome& out, Scan& scan);
  void scan(const Ruleset& ruleset, const identity::Person& person, Monotonic now, Outcome& out,
            Scan& scan);
  void observe(const Ruleset& ruleset, const identity::Person& person,
               const std::vector<audit::MaskedSpan>& masked, Outcome& out, Scan& scan) const;
  void record(const Ruleset& ruleset, const identity::Person& person,
              const std::shared_ptr<const masking::Engine>& engine, EditorContext context,
              Released& released, Scan& scan) const;
  static void block(const audit::MaskedSpan& finding, Outcome& out);
  // Seals what has come, where policy keeps it, behind the head's record. What cannot be sealed is
  // refused or passes, with a gap on record.
  void keep(const Ruleset& ruleset, const identity::Person& person, WallTime now, const Scan& scan,
            const audit::Body& head, std::vector<audit::Body>& records, Outcome& out) const;
  void edit_head(const Ruleset& ruleset, const identity::Person& person, Outcome& out,
                 Scan& scan) const;
  void observe_head(const Ruleset& ruleset, const identity::Person& person, Outcome& out,
                    const Scan& scan) const;
  static void begin_bytes(const wire::RequestHead& head, std::size_t more, Outcome& out);
  void write(Scan& scan, Outcome& out) const;
  audit::RequestHead head_record(const Scan& scan, const Ruleset& ruleset,
                                 const identity::Person& person) const;

  Exchange& exchange_;
  MemoryHold hold_;
  std::string body_;
  wire::FieldSection trailers_;
  bool begun_ = false;
  bool kept_ = true;  // all that has come of the body is in body_
  bool head_recorded_ = false;
  std::size_t sent_ = 0;    // of body_
  std::uint64_t size_ = 0;  // of the body, as far as it has come
};

}  // namespace veilwire::flow
