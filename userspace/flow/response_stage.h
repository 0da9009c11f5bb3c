// One final response on its way to the client. A server-sent stream leaves as it comes, event by
// event; a body that is short enough is held whole while there is room for it, so that it keeps its
// length when nothing is masked and can still become a clean refusal when something is blocked.
// Every byte is recorded before it is handed on. Tested by tests/unit/flow/http_relay_test.cpp and
// relay_refusal_test.cpp.
#pragma once

#include "userspace/flow/body_type.h"
#include "userspace/flow/exchange.h"
#include "userspace/flow/http_relay.h"
#include "userspace/flow/memory_budget.h"
#include "userspace/flow/recorded_editor.h"
#include "userspace/flow/refusal.h"
#include "userspace/flow/response_record.h"
#include "userspace/flow/response_rules.h"
#include "userspace/masking/known_secret.h"
#include "userspace/wire/content_coding.h"
#include "userspace/wire/http1.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::flow {

// What the relay does after a step.
struct ResponseStep {
  enum class Next {
    More,        // go on
    Refuse,      // nothing has gone out: answer with `refusal`
    EndedEarly,  // a proper end has been written: close behind it
    Abort,       // no protocol is left to say anything in: reset
  };
  Next next = Next::More;
  Refusal refusal;
  std::string outcome;  // for the record, EndedEarly and Abort
};

class ResponseStage {
 public:
  // All outlive the stage; sink and exchange are the relay's own.
  ResponseStage(Exchange& exchange, RelaySink& sink)
      : exchange_(exchange), sink_(sink), record_(exchange, sink), hold_(exchange.memory) {}

  ResponseStep start(wire::ResponseHead head, const wire::Framing& framing, ResponseRules rules);
  ResponseStep data(std::string_view bytes);  // transfer coding removed
  void trailers(wire::FieldSection section);
  ResponseStep end();
  // The upstream stopped in the middle.
  ResponseStep cut_short();
  // Whether it is observed changes where a client cannot tell: once nothing is held. A body with a
  // coding or a length, of which a part has gone out as it came, ends so.
  ResponseStep adopt(ResponseRules rules);
  // Nobody may have the rest: an error in the body's own protocol, or none that it has. Puts the
  // record before what goes out, with what the client gets.
  ResponseStep lose(const Refusal& refusal, audit::IdentityChange record);

  // No more of it is wanted: the original ends with what has come.
  void close();

  // The client can only see the end of this response by the end of the connection.
  bool until_close() const { return out_framing_ == wire::Framing::Kind::UntilClose; }

 private:
  enum class Mode {
    Idle,
    Raw,  // passes unseen
    Held,
    Streaming,
    Observed,  // goes on as it comes, and is read beside
  };

  ResponseStep refuse_uninspected(policy::Uninspected kind, std::string_view detail);
  bool passes(policy::Uninspected kind) const;
  void unseen(policy::Uninspected kind, std::string_view detail, bool passes);
  policy::Facts facts() const;
  void start_observed(bool has_body);
  void observe_head();
  void read_observed();
  void observe_as(std::string_view media_type);
  void observe(std::string_view bytes);
  void note(Released& released);
  void tell_block(const audit::MaskedSpan& finding);
  void read_no_more();
  void record_erased_end();
  void send_as_it_came(std::string_view bytes);
  void send_coded(std::string_view bytes);
  void end_observed();
  void begin_observing();
  bool turns() const;
  void turn();
  ResponseStep read(std::string_view bytes);
  Original::Put put_original();
  void keep(std::string_view bytes);
  void end_original();
  void send_head();
  void send_body(std::string_view coded);
  void send_end();
  std::string erased(std::string bytes, bool last);
  void record(const Released& released);
  void record_content(const Released& released);
  void make_editor(std::string_view media_type);
  void take_engine(Released& freed);
  void erase(Released& released, bool last);
  void release(Released& released, bool last);
  ResponseStep settle(Released& released, bool last);
  ResponseStep block(const audit::MaskedSpan& finding);
  ResponseStep malformed(policy::Uninspected kind, std::string_view detail);
  void undecodable(wire::CodingError error, Released& released);
  ResponseStep no_room();
  ResponseStep read_as(std::string_view media_type);
  ResponseStep look(std::string_view plain);
  ResponseStep unreadable(wire::CodingError error);
  ResponseStep stream_held();
  void send_held_raw();
  ResponseStep finish_held();
  void start_streaming();
  void frame_anew();
  ResponseStep pass_raw(policy::Uninspected kind);

  Exchange& exchange_;
  RelaySink& sink_;
  ResponseRecord record_;
  MemoryHold hold_;
  ResponseRules rules_;
  policy::Action uninspected_[policy::kUninspectedKinds] = {};
  std::shared_ptr<const masking::Engine> engine_;
  // In Observed: chunks of the upstream's body go on, and not what they are decoded to.
  bool exact_ = false;
  bool block_told_ = false;
  wire::ResponseHead head_;
  wire::Framing framing_;
  wire::Framing::Kind out_framing_ = wire::Framing::Kind::None;
  Mode mode_ = Mode::Idle;
  std::string type_;
  std::vector<wire::Coding> codings_;
  std::unique_ptr<wire::Decoder> decoder_;
  std::unique_ptr<wire::Encoder> encoder_;  // only when the body has a content coding
  std::optional<Original> original_;        // where policy keeps it
  // Of the credential that has gone out, if any: on its way to the client, and into a record that
  // does not follow that.
  std::optional<masking::SecretEraser> eraser_, record_eraser_;
  std::optional<BodyLook> look_;  // until it is clear what the body is
  std::unique_ptr<BodyEditor> editor_;
  RecordedEditor* recorded_ = nullptr;  // the editor, where the record is edited apart
  std::string read_as_;                 // what the editor reads
  policy::Uninspected fault_ = policy::Uninspected::Malformed;  // what is wrong, once it is
  std::string held_raw_, held_plain_;
  Released held_;
  std::string trailers_;
};

}  // namespace veilwire::flow
