// The part of a response stage that changes nothing: where policy only observes, a response goes on
// as it comes and is read beside, and a running one turns when policy does.
#include "userspace/base/limits.h"
#include "userspace/flow/head_edit.h"
#include "userspace/flow/observing.h"
#include "userspace/flow/response_stage.h"

#include <utility>

namespace veilwire::flow {

// The same questions as of one that is enforced, and no answer to any of them changes what goes on.
void ResponseStage::start_observed(bool has_body) {
  observe_head();
  mode_ = has_body ? Mode::Observed : Mode::Raw;
  exact_ = true;
  if (has_body) read_observed();
  send_head();
}

void ResponseStage::read_observed() {
  using policy::Uninspected;
  if (head_.count("content-type") > 1)
    return unseen(Uninspected::Malformed, "more than one Content-Type", false);
  if (is_part(head_)) return unseen(Uninspected::Malformed, "a part", false);
  const auto codings = wire::read_codings(head_.list("content-encoding"));
  if (codings) codings_ = *codings;
  auto decoder = wire::Decoder::make(codings_);
  if (!codings || !decoder)
    return unseen(Uninspected::UnknownCoding,
                  codings ? "content-encoding" : wire::to_string(codings.error()),
                  passes(Uninspected::UnknownCoding));
  decoder_ = std::make_unique<wire::Decoder>(std::move(decoder).value());
  const bool success = head_.status >= 200 && head_.status < 300;
  const BodyType body = body_type(head_, exchange_.service, exchange_.stream_asked && success);
  if (!body.fault.empty()) return unseen(Uninspected::Malformed, body.fault, false);
  if (eraser_ && !codings_.empty()) {
    // The credential is covered in what it is decoded to.
    exact_ = false;
    frame_anew();
  }
  if (!body.look) return observe_as(body.media_type);
  look_.emplace(exchange_.service, body.media_type);
}

void ResponseStage::observe_head() {
  if (engine_ == nullptr) return;
  wire::ResponseHead head = head_;
  auto masks = mask_head(head, *engine_);
  const Observation seen = mark_observed(masks, rules_.ruleset->policy(), facts());
  exchange_.observed += seen.observed;
  if (seen.block != nullptr) tell_block(*seen.block);
}

policy::Facts ResponseStage::facts() const {
  return {.direction = policy::Direction::Response,
          .host = exchange_.host,
          .person = rules_.person ? &*rules_.person : nullptr};
}

void ResponseStage::tell_block(const audit::MaskedSpan& finding) {
  if (std::exchange(block_told_, true)) return;
  sink_.record(exchange_.number, would_block(policy::Direction::Response, finding,
                                             exchange_.response_started ? "stream ended" : "451"));
}

// From here on nobody reads it.
void ResponseStage::unseen(policy::Uninspected kind, std::string_view detail, bool passes) {
  record_.gap(kind, detail, passes, exchange_.response_bytes, true);
  look_.reset();
  held_plain_.clear();
  read_no_more();
}

void ResponseStage::read_no_more() {
  record_erased_end();
  editor_.reset();
  hold_.set(0);
  if (exact_) mode_ = Mode::Raw;
}

// What the record was not told because the credential could have begun with it.
void ResponseStage::record_erased_end() {
  if (!record_eraser_) return;
  Released rest;
  rest.bytes = record_eraser_->finish();
  record_content(rest);
}

void ResponseStage::observe_as(std::string_view media_type) {
  look_.reset();
  read_as_ = media_type;
  make_editor(media_type);
  if (editor_ == nullptr)
    return unseen(policy::Uninspected::NotText, type_, passes(policy::Uninspected::NotText));
  const std::string plain = std::exchange(held_plain_, {});
  hold_.set(0);
  if (plain.empty()) return;
  Released released;
  editor_->feed(plain, released);
  note(released);
}

// What the record has of it; the bytes themselves go on as they came.
void ResponseStage::note(Released& released) {
  const Observation seen = mark_observed(released.masks, rules_.ruleset->policy(), facts());
  exchange_.observed += seen.observed;
  exchange_.masked += seen.masked;
  if (seen.block != nullptr) tell_block(*seen.block);
  if (record_eraser_) released.bytes = record_eraser_->feed(released.bytes);
  record_content(released);
  if (released.malformed) {
    unseen(fault_, *released.malformed, passes(fault_));
  } else if (editor_ != nullptr && !hold_.resize(editor_->held())) {
    audit::Gap gap{.reason = "overloaded",
                   .detail = "response body: as much is held as may be",
                   .action = {},
                   .bytes = editor_->held()};
    set_action(gap, false, true);
    sink_.record(exchange_.number, std::move(gap));
    read_no_more();
  }
}

void ResponseStage::observe(std::string_view bytes) {
  std::string plain;
  const auto decoded = decoder_->feed(bytes, plain);
  if (look_) {
    held_plain_ += plain;
    if (const auto type = look_->feed(plain))
      observe_as(*type);
    else if (held_plain_.size() > limits::kHeldJsonResponse || !hold_.resize(held_plain_.size()))
      observe_as(look_->give_up());
  } else if (editor_ != nullptr) {
    Released released;
    editor_->feed(plain, released);
    note(released);
  }
  if (!decoded && mode_ == Mode::Observed) {
    Released broken;
    undecodable(decoded.error(), broken);
    unseen(fault_, *broken.malformed, passes(fault_));
  }
  exchange_.response_bytes += plain.size();
  send_as_it_came(exact_ ? bytes : plain);
}

void ResponseStage::send_as_it_came(std::string_view bytes) {
  std::string covered;
  if (eraser_) bytes = covered = erased(std::string(bytes), false);
  send_coded(bytes);
}

void ResponseStage::send_coded(std::string_view bytes) {
  if (encoder_ == nullptr) return send_body(bytes);
  std::string coded;
  (void)encoder_->feed(bytes, coded);
  send_body(coded);
}

void ResponseStage::end_observed() {
  if (look_) observe_as(look_->finish());
  if (editor_ != nullptr) {
    Released released;
    if (const auto decoded = decoder_->finish(); decoded)
      editor_->finish(released);
    else
      undecodable(decoded.error(), released);
    note(released);
    record_erased_end();
    editor_.reset();
  }
}

// Policy wants it the other way, and that can be once nothing is held.
bool ResponseStage::turns() const {
  if (editor_ == nullptr) return false;
  if (mode_ == Mode::Streaming) return rules_.observes;
  const bool fixed = exact_ && (!codings_.empty() || out_framing_ == wire::Framing::Kind::Length);
  return mode_ == Mode::Observed && !rules_.observes && !fixed;
}

void ResponseStage::turn() {
  if (!turns() || !editor_->settled()) return;
  if (eraser_) {
    Released rest;
    rest.bytes = eraser_->finish();
    if (mode_ == Mode::Observed) {
      record_erased_end();
    } else {
      if (recorded_ != nullptr) rest.recorded.emplace().bytes = record_eraser_->finish();
      record_content(rest);
    }
    send_coded(rest.bytes);
  }
  if (recorded_ != nullptr) editor_ = std::exchange(recorded_, nullptr)->take_record();
  mode_ = mode_ == Mode::Observed ? Mode::Streaming : Mode::Observed;
  exact_ = false;
  if (rules_.engine == nullptr || rules_.engine == engine_) return;
  Released nothing;  // is held, so nothing becomes free
  take_engine(nothing);
}

// Nothing of it has gone out, so that all of it can go as it came.
void ResponseStage::begin_observing() {
  mode_ = Mode::Observed;
  exact_ = true;
  held_ = {};
  engine_ = rules_.engine;
  const std::string raw = std::exchange(held_raw_, {});
  if (!look_) observe_as(read_as_);
  send_head();
  send_as_it_came(raw);
}

}  // namespace veilwire::flow
