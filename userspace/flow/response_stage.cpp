#include "userspace/flow/response_stage.h"

#include "userspace/base/limits.h"
#include "userspace/flow/body_type.h"
#include "userspace/flow/head_edit.h"
#include "userspace/flow/observing.h"

#include <algorithm>
#include <utility>

namespace veilwire::flow {
namespace {

using Kind = wire::Framing::Kind;
using Next = ResponseStep::Next;

constexpr std::string_view kNotice = "[veilwire: this answer was stopped ";

std::string notice(const audit::MaskedSpan& finding) {
  return std::string(kNotice) + "by policy (rule " + finding.rule + ")]";
}

std::string notice(policy::Uninspected kind) {
  return std::string(kNotice) +
         "by policy (it cannot be inspected: " + std::string(policy::to_string(kind)) + ")]";
}

// A mask stands for the credential that has gone out, or for what holds it.
bool tells_of(const Released& released, const masking::KnownSecret* credential) {
  if (credential == nullptr) return false;
  return std::ranges::any_of(released.masks,
                             [](const audit::MaskedSpan& mask) {
                               return mask.rule == masking::kKnownSecretRule;
                             }) ||
         std::ranges::any_of(released.originals, [&](const masking::Original& original) {
           return credential->stands_in(original.text);
         });
}

void remove_body_digests(wire::FieldSection& head) {
  for (const std::string_view name :
       {"content-md5", "digest", "content-digest", "repr-digest", "accept-ranges"})
    wire::remove_fields(head, name);
}

}  // namespace

bool ResponseStage::passes(policy::Uninspected kind) const {
  return uninspected_[static_cast<std::size_t>(kind)] == policy::Action::Pass;
}

ResponseStep ResponseStage::refuse_uninspected(policy::Uninspected kind, std::string_view detail) {
  record_.gap(kind, detail, false, 0);
  return {Next::Refuse, refusal::uninspected_answer(kind, detail), {}};
}

ResponseStep ResponseStage::start(wire::ResponseHead head, const wire::Framing& framing,
                                  ResponseRules rules) {
  rules_ = std::move(rules);
  const Ruleset& ruleset = *rules_.ruleset;
  head_ = std::move(head);
  if (const auto& credential = exchange_.sent_credential) {
    // Before anything reads it: whatever field repeats the credential, it goes nowhere.
    if (credential->cover(head_.raw)) exchange_.masked += 1;
    eraser_.emplace(*credential);
    record_eraser_.emplace(*credential);
  }
  framing_ = framing;
  out_framing_ = framing.kind;
  engine_ = rules_.engine;
  std::ranges::copy(ruleset.policy().uninspected, uninspected_);
  type_ = media_type(head_);
  if (type_ == "text/event-stream" || !type_.starts_with("text/")) record_.wants_utf8();
  const bool has_body = framing.kind != Kind::None && framing.kind != Kind::Tunnel &&
                        !(framing.kind == Kind::Length && framing.length == 0);
  audit::ResponseHead record{head_.status, fields_for_record(head_, ruleset)};
  if (has_body && policy::keeps(exchange_.keep, policy::Direction::Response))
    original_ = exchange_.originals->open(exchange_.number, policy::Direction::Response, record);
  sink_.record(exchange_.number, std::move(record));
  if (rules_.observes) return start_observed(has_body), ResponseStep{};
  remove_hop_fields(
      head_, framing.kind == Kind::Tunnel ? wire::UpgradeFields::Keep : wire::UpgradeFields::Strip);
  if (engine_ != nullptr) {
    const auto masks = mask_head(head_, *engine_);
    exchange_.masked += masks.size();
    for (const audit::MaskedSpan& mask : masks)
      if (mask.action == "block") return block(mask);
  }
  if (!has_body) {
    mode_ = Mode::Raw;
    send_head();
    return {};
  }
  // Two types are two readings of one body, and only one of them would have been inspected.
  if (head_.count("content-type") > 1)
    return malformed(policy::Uninspected::Malformed, "more than one Content-Type");
  if (is_part(head_))
    return malformed(policy::Uninspected::Malformed, "a part that nobody has asked for");
  const auto codings = wire::read_codings(head_.list("content-encoding"));
  if (codings) codings_ = *codings;
  auto decoder = wire::Decoder::make(codings_);
  if (!codings || !decoder) {
    const std::string_view why = codings ? "content-encoding" : wire::to_string(codings.error());
    if (!passes(policy::Uninspected::UnknownCoding))
      return refuse_uninspected(policy::Uninspected::UnknownCoding, why);
    return pass_raw(policy::Uninspected::UnknownCoding);
  }
  decoder_ = std::make_unique<wire::Decoder>(std::move(decoder).value());
  const bool success = head_.status >= 200 && head_.status < 300;
  const BodyType body = body_type(head_, exchange_.service, exchange_.stream_asked && success);
  if (!body.fault.empty()) return malformed(policy::Uninspected::Malformed, body.fault);
  mode_ = Mode::Held;
  if (!body.look) return read_as(body.media_type);
  look_.emplace(exchange_.service, body.media_type);
  return {};
}

void ResponseStage::make_editor(std::string_view media_type) {
  recorded_ = nullptr;
  if (engine_ == nullptr) return;
  const EditorContext context = exchange_.context(policy::Direction::Response, media_type);
  editor_ = make_body_editor(context, engine_);
  if (editor_ == nullptr || !rules_.record_apart) return;
  auto both = std::make_unique<RecordedEditor>(std::move(editor_),
                                               make_body_editor(context, rules_.record_engine),
                                               rules_.record_engine != engine_);
  recorded_ = both.get();
  editor_ = std::move(both);
}

void ResponseStage::take_engine(Released& freed) {
  engine_ = rules_.engine;
  if (recorded_ != nullptr) return recorded_->adopt(engine_, rules_.record_engine, freed);
  if (rules_.record_engine != engine_) record_.leave_out_the_rest();
  editor_->adopt(engine_, freed);
}

// It is known what it is; what is held of it is read.
ResponseStep ResponseStage::read_as(std::string_view media_type) {
  look_.reset();
  read_as_ = media_type;
  make_editor(media_type);
  if (editor_ == nullptr) {
    if (!passes(policy::Uninspected::NotText))
      return refuse_uninspected(policy::Uninspected::NotText, type_);
    ResponseStep step = pass_raw(policy::Uninspected::NotText);
    send_held_raw();
    return step;
  }
  const bool long_body =
      framing_.kind == Kind::Length && framing_.length > limits::kHeldJsonResponse;
  // Events and lines are there to be read as they come.
  if (media_type == "text/event-stream" || is_json_lines_type(media_type) || long_body)
    start_streaming();
  if (held_plain_.empty()) return {};
  if (mode_ == Mode::Held) {
    editor_->feed(held_plain_, held_);
    return settle(held_, false);
  }
  const std::string plain = std::exchange(held_plain_, {});
  held_raw_.clear();
  hold_.set(0);
  Released released;
  editor_->feed(plain, released);
  return settle(released, false);
}

void ResponseStage::send_held_raw() {
  exchange_.response_bytes += held_raw_.size();
  send_body(erased(std::move(held_raw_), false));
  held_raw_.clear();
  held_plain_.clear();
}

// On record before a byte of it is released, whoever leaves in the middle; how much it came to says
// the end of the exchange.
ResponseStep ResponseStage::pass_raw(policy::Uninspected kind) {
  sink_.record(
      exchange_.number,
      audit::Gap{.reason = std::string(policy::to_string(kind)),
                 .detail = "response body " + type_,
                 .action = "pass",
                 .bytes = framing_.kind == Kind::Length ? framing_.length : std::uint64_t{0}});
  mode_ = Mode::Raw;
  send_head();
  return {};
}

void ResponseStage::start_streaming() {
  mode_ = Mode::Streaming;
  frame_anew();
  send_head();
}

// The length is not known any more from here on.
void ResponseStage::frame_anew() {
  if (!codings_.empty()) {
    if (auto encoder = wire::Encoder::make(codings_))
      encoder_ = std::make_unique<wire::Encoder>(std::move(encoder).value());
  }
  if (framing_.kind == Kind::Length) {
    wire::remove_fields(head_, "content-length");
    if (exchange_.head.minor_version >= 1) {
      out_framing_ = Kind::Chunked;
      (void)wire::set_field(head_, "Transfer-Encoding", "chunked");
    } else {
      out_framing_ = Kind::UntilClose;
    }
    remove_body_digests(head_);
  }
}

Original::Put ResponseStage::put_original() {
  return [this](audit::Body chunk) { sink_.record(exchange_.number, std::move(chunk)); };
}

// As long as nothing is released, nothing has to be on record: chunks are full then.
void ResponseStage::keep(std::string_view bytes) {
  if (!original_) return;
  original_->write(bytes, put_original());
  if (exchange_.response_started) original_->flush(put_original());
}

void ResponseStage::close() {
  end_original();
  // What has gone out is on record, whoever has left.
  if (mode_ == Mode::Observed) end_observed();
  if (mode_ != Mode::Streaming || recorded_ == nullptr) return;
  Released rest;
  recorded_->let_go(rest);
  erase(rest, true);
  rest.bytes.clear();  // nobody is there any more
  record_content(rest);
}

void ResponseStage::end_original() {
  if (original_) original_->finish(put_original());
}

void ResponseStage::send_head() {
  if (original_) original_->flush(put_original());
  exchange_.response_started = true;
  sink_.to_client(head_.raw);
}

void ResponseStage::send_body(std::string_view coded) {
  if (coded.empty()) return;
  if (out_framing_ != Kind::Chunked) return sink_.to_client(coded);
  std::string chunk;
  chunk.reserve(coded.size() + 16);
  wire::encode_chunk(coded, chunk);
  sink_.to_client(chunk);
}

void ResponseStage::send_end() {
  if (out_framing_ != Kind::Chunked) return;
  std::string last;
  wire::encode_last_chunk(trailers_, last);
  sink_.to_client(last);
}

// Where no editor looks, such as ids and bytes that are no text, the credential that has gone out
// is covered all the same.
std::string ResponseStage::erased(std::string bytes, bool last) {
  if (!eraser_) return bytes;
  bytes = eraser_->feed(bytes);
  return last ? bytes + eraser_->finish() : bytes;
}

void ResponseStage::record(const Released& released) {
  exchange_.masked += released.masks.size();
  if (exchange_.answer && !released.originals.empty() &&
      !tells_of(released, exchange_.sent_credential.get()))
    // What masks stand for is kept for the next turn; the credential is not.
    exchange_.conversations->masked(*exchange_.answer, released.originals);
  record_content(released);
}

void ResponseStage::record_content(const Released& released) {
  if (mode_ != Mode::Observed) exchange_.response_bytes += released.bytes.size();
  record_.content(released, rules_.ruleset->policy(), facts());
}

void ResponseStage::erase(Released& released, bool last) {
  released.bytes = erased(std::move(released.bytes), last);
  if (!released.recorded || !record_eraser_) return;
  std::string& bytes = released.recorded->bytes;
  bytes = record_eraser_->feed(bytes);
  if (last) bytes += record_eraser_->finish();
}

// Records what an edit released, then sends it.
void ResponseStage::release(Released& released, bool last) {
  erase(released, last);
  record(released);
  if (encoder_ == nullptr) {
    send_body(released.bytes);
  } else {
    std::string coded;
    // Out of memory is all that can fail here; what was coded so far is what the client gets.
    if (!released.bytes.empty() && !encoder_->feed(released.bytes, coded)) last = true;
    if (last) (void)encoder_->finish(coded);
    send_body(coded);
  }
  if (last) send_end();
}

ResponseStep ResponseStage::block(const audit::MaskedSpan& finding) {
  audit::Blocked blocked{.direction = "response",
                         .rule = finding.rule,
                         .category = finding.category,
                         .digest = finding.digest,
                         .answer = exchange_.response_started ? "stream ended" : "451"};
  sink_.record(exchange_.number, std::move(blocked));
  if (!exchange_.response_started) return {Next::Refuse, refusal::blocked_answer(finding), {}};
  Released end;
  editor_->end_early(notice(finding), end);
  release(end, true);
  return {Next::EndedEarly, {}, "blocked"};
}

ResponseStep ResponseStage::malformed(policy::Uninspected kind, std::string_view detail) {
  record_.gap(kind, detail, false, exchange_.response_bytes);
  if (!exchange_.response_started)
    return {Next::Refuse, refusal::upstream_malformed(exchange_.host, detail), {}};
  Released end;
  editor_->end_early(notice(kind), end);
  release(end, true);
  return {Next::EndedEarly, {}, "upstream malformed"};
}

// What follows from one edit, whatever the mode.
ResponseStep ResponseStage::settle(Released& released, bool last) {
  if (released.blocked) {
    if (mode_ == Mode::Streaming) {
      const audit::MaskedSpan finding = *released.blocked;
      release(released, false);
      return block(finding);
    }
    return block(*released.blocked);
  }
  if (released.malformed) {
    if (mode_ == Mode::Held && passes(fault_)) {
      (void)pass_raw(fault_);
      send_held_raw();
      if (last) return end();
      return {};
    }
    if (mode_ == Mode::Streaming && passes(fault_)) {
      record_.gap(fault_, *released.malformed, true, exchange_.response_bytes);
      released.malformed.reset();
      editor_->pass_through(released);
      release(released, last);
      return {};
    }
    if (mode_ == Mode::Streaming) release(released, false);
    return malformed(fault_, *released.malformed);
  }
  if (mode_ == Mode::Streaming) release(released, last);
  return {};
}

void ResponseStage::undecodable(wire::CodingError error, Released& released) {
  fault_ = kind_of(error);
  released.malformed = std::string(wire::to_string(error));
}

ResponseStep ResponseStage::data(std::string_view bytes) {
  keep(bytes);
  while (turns()) {
    // Piece by piece, so that it turns where an event ends.
    const std::string_view piece = bytes.substr(0, bytes.find('\n') + 1);
    if (piece.empty() || piece.size() == bytes.size()) break;
    bytes.remove_prefix(piece.size());
    if (const ResponseStep step = read(piece); step.next != Next::More) return step;
    turn();
  }
  const ResponseStep step = bytes.empty() ? ResponseStep() : read(bytes);
  if (step.next == Next::More) turn();
  return step;
}

ResponseStep ResponseStage::read(std::string_view bytes) {
  if (mode_ == Mode::Raw) {
    exchange_.response_bytes += bytes.size();
    if (!eraser_)
      send_body(bytes);
    else
      send_body(erased(std::string(bytes), false));
    return {};
  }
  if (mode_ == Mode::Observed) return observe(bytes), ResponseStep{};
  if (mode_ == Mode::Held) held_raw_ += bytes;
  std::string plain;
  const auto decoded = decoder_->feed(bytes, plain);
  if (mode_ == Mode::Held) {
    held_plain_ += plain;
    if (look_) return decoded ? look(plain) : unreadable(decoded.error());
    editor_->feed(plain, held_);
    if (const ResponseStep step = settle(held_, false);
        step.next != Next::More || mode_ == Mode::Raw)
      return step;
    if (!decoded) {
      undecodable(decoded.error(), held_);
      return settle(held_, false);
    }
    if (held_raw_.size() > limits::kHeldJsonResponse ||
        held_plain_.size() > limits::kHeldJsonResponse ||
        !hold_.resize(held_raw_.size() + held_plain_.size() + held_.bytes.size())) {
      return stream_held();
    }
    return {};
  }
  Released released;
  editor_->feed(plain, released);
  if (!decoded && !released.blocked && !released.malformed) {
    // What comes behind can be read by nobody, so that no policy can let it pass.
    undecodable(decoded.error(), released);
    release(released, false);
    return malformed(fault_, *released.malformed);
  }
  const ResponseStep step = settle(released, false);
  if (step.next == Next::More && !hold_.resize(editor_->held())) return no_room();
  return step;
}

ResponseStep ResponseStage::look(std::string_view plain) {
  if (const auto type = look_->feed(plain)) return read_as(*type);
  if (held_raw_.size() <= limits::kHeldJsonResponse &&
      held_plain_.size() <= limits::kHeldJsonResponse &&
      hold_.resize(held_raw_.size() + held_plain_.size()))
    return {};
  const ResponseStep step = read_as(look_->give_up());
  if (step.next != Next::More || mode_ != Mode::Held) return step;
  return stream_held();
}

// Nothing of it has gone out, and what has come cannot be decoded.
ResponseStep ResponseStage::unreadable(wire::CodingError error) {
  look_.reset();
  undecodable(error, held_);
  return settle(held_, false);
}

// A body for which there is no room need not be held: it streams.
ResponseStep ResponseStage::stream_held() {
  start_streaming();
  Released released = std::exchange(held_, {});
  held_raw_.clear();
  held_plain_.clear();
  hold_.set(0);
  release(released, false);
  return {};
}

// An event that goes on and on, while too much is held for others.
ResponseStep ResponseStage::no_room() {
  sink_.record(exchange_.number, audit::Gap{.reason = "overloaded",
                                            .detail = "response body: as much is held as may be",
                                            .action = "block",
                                            .bytes = editor_->held()});
  exchange_.memory.count_refusal();
  Released end;
  editor_->end_early(
      std::string(kNotice) + "(as much is being inspected as this machine can hold)]", end);
  release(end, true);
  return {Next::EndedEarly, {}, "overloaded"};
}

void ResponseStage::trailers(wire::FieldSection section) {
  if (exchange_.sent_credential && exchange_.sent_credential->cover(section.raw))
    exchange_.masked += 1;
  if (engine_ != nullptr && rules_.observes) {
    wire::FieldSection copy = section;
    auto masks = mask_fields(copy, *engine_);
    const Observation seen = mark_observed(masks, rules_.ruleset->policy(), facts());
    exchange_.observed += seen.observed;
    if (seen.block != nullptr) tell_block(*seen.block);
  } else if (engine_ != nullptr) {
    for (const audit::MaskedSpan& mask : mask_fields(section, *engine_)) {
      exchange_.masked += 1;
      if (mask.action == "block")
        return;  // trailers are optional by definition: these are left out
    }
  }
  trailers_ = std::move(section.raw);
}

ResponseStep ResponseStage::finish_held() {
  erase(held_, true);
  const bool changed = held_.bytes != held_plain_;
  std::string coded;
  if (changed) {
    auto encoder = wire::Encoder::make(codings_);
    if (!encoder || !encoder->feed(held_.bytes, coded) || !encoder->finish(coded))
      return {Next::Refuse, refusal::cannot_encode("answer"), {}};
    remove_body_digests(head_);
    if (framing_.kind == Kind::Length)
      (void)wire::set_field(head_, "Content-Length", std::to_string(coded.size()));
  }
  record(held_);
  send_head();
  send_body(changed ? coded : held_raw_);
  send_end();
  return {};
}

ResponseStep ResponseStage::end() {
  end_original();
  if (mode_ == Mode::Observed) {
    end_observed();
    const std::string rest = erased({}, true);
    std::string coded;
    if (encoder_ != nullptr) {
      (void)encoder_->feed(rest, coded);
      (void)encoder_->finish(coded);
    }
    send_body(encoder_ == nullptr ? rest : coded);
    mode_ = Mode::Raw;
    send_end();
    return {};
  }
  if (mode_ == Mode::Raw) {
    send_body(erased({}, true));
    send_end();
    return {};
  }
  if (look_) {
    const ResponseStep step = read_as(look_->finish());
    if (step.next != Next::More) return step;
    if (mode_ == Mode::Raw) return end();
  }
  const auto decoded = decoder_->finish();
  Released& released = held_;
  if (!released.blocked && !released.malformed) {
    if (decoded) {
      editor_->finish(released);
    } else {
      undecodable(decoded.error(), released);
    }
  }
  const Mode before = mode_;
  const ResponseStep step = settle(released, true);
  if (step.next != Next::More || mode_ != before || mode_ == Mode::Streaming) return step;
  return finish_held();
}

ResponseStep ResponseStage::cut_short() {
  if (!exchange_.response_started)
    return {Next::Refuse, refusal::upstream_ended_early(exchange_.host), {}};
  return {Next::Abort, {}, "upstream ended early"};
}

ResponseStep ResponseStage::adopt(ResponseRules rules) {
  rules_ = std::move(rules);
  std::ranges::copy(rules_.ruleset->policy().uninspected, uninspected_);
  if (mode_ == Mode::Held && rules_.observes) return begin_observing(), ResponseStep{};
  if (turns()) return turn(), ResponseStep{};
  // One that cannot turn ends as it began.
  if (mode_ == Mode::Observed && !rules_.observes) return {};
  if (rules_.engine == nullptr || rules_.engine == engine_) return {};
  engine_ = rules_.engine;
  if (editor_ == nullptr) return {};
  if (mode_ == Mode::Observed) {
    Released freed;
    take_engine(freed);
    note(freed);
    return {};
  }
  if (mode_ == Mode::Held) {
    // Nothing of it has gone out: all of it is judged anew.
    make_editor(read_as_);
    held_ = {};
    editor_->feed(held_plain_, held_);
    return settle(held_, false);
  }
  Released released;
  take_engine(released);
  return settle(released, false);
}

ResponseStep ResponseStage::lose(const Refusal& refusal, audit::IdentityChange record) {
  Released end;
  const bool said = mode_ == Mode::Streaming && editor_ != nullptr &&
                    editor_->end_with_error(refusal.kind, refusal.message, end);
  record.answer = said ? "error event" : "reset";
  sink_.record(exchange_.number, std::move(record));
  if (!said) return {Next::Abort, {}, refusal.outcome};
  release(end, true);
  return {Next::EndedEarly, {}, refusal.outcome};
}

}  // namespace veilwire::flow
