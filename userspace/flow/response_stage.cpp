#include "userspace/flow/response_stage.h"

#include "userspace/base/limits.h"
#include "userspace/flow/body_type.h"
#include "userspace/flow/head_edit.h"
#include "userspace/flow/observing.h"
#include "userspace/flow/record_pieces.h"

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

void ResponseStage::gap(policy::Uninspected kind, std::string_view detail, bool pass,
                        std::uint64_t bytes) {
  sink_.record(
      exchange_.number,
      audit::Gap{.reason = std::string(policy::to_string(kind)),
                 .detail = "response body" + (detail.empty() ? "" : ": " + std::string(detail)),
                 .action = pass ? "pass" : "block",
                 .bytes = bytes});
}

ResponseStep ResponseStage::refuse_uninspected(policy::Uninspected kind, std::string_view detail) {
  gap(kind, detail, false, 0);
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
  audit::Gap gap{.reason = std::string(policy::to_string(kind)),
                 .detail = "response body" + (detail.empty() ? "" : ": " + std::string(detail)),
                 .action = {},
                 .bytes = exchange_.response_bytes};
  set_action(gap, passes, true);
  sink_.record(exchange_.number, std::move(gap));
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
  const bool fixed = exact_ && (!codings_.empty() || out_framing_ == Kind::Length);
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

// Where findings begin to pass in the middle of a body, nobody has read its beginning for the
// record alone, and what comes would be in it in clear: it is not, and that is on record.
void ResponseStage::take_engine(Released& freed) {
  engine_ = rules_.engine;
  if (recorded_ != nullptr) return recorded_->adopt(engine_, rules_.record_engine, freed);
  if (rules_.record_engine != engine_ && !unread_from_) {
    unread_from_ = released_bytes_;
    sink_.record(exchange_.number,
                 audit::Gap{.reason = "not recorded",
                            .detail = "response body: findings pass from its middle on",
                            .action = "pass",
                            .bytes = 0});
  }
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
  const EditedText& text = released.recorded ? *released.recorded : released;
  if (text.unread_from) unread_from_ = text.unread_from;
  std::string_view bytes = text.bytes;
  const std::uint64_t offset = released_bytes_;
  released_bytes_ += bytes.size();
  if (mode_ != Mode::Observed) exchange_.response_bytes += released.bytes.size();
  if (unread_from_ && *unread_from_ < released_bytes_)
    bytes.remove_suffix(std::min<std::uint64_t>(released_bytes_ - *unread_from_, bytes.size()));
  if (bytes.empty()) return;
  if (!released.recorded) return record_read(bytes, offset, text);
  EditedText decided = text;
  for (audit::MaskedSpan& mask : decided.masks) {
    if (mask.rule == masking::kKnownSecretRule) continue;
    policy::Facts of = facts();
    of.rule = mask.rule;
    of.category = mask.category;
    mask.action = policy::to_string(policy::decide(rules_.ruleset->policy(), of));
  }
  record_read(bytes, offset, decided);
}

void ResponseStage::record_read(std::string_view bytes, std::uint64_t offset,
                                const EditedText& text) {
  // Clients read a replacement character there, and so may whoever reads the record: not a fault
  // that is worth an answer, but said.
  const bool json = type_ == "text/event-stream" || !type_.starts_with("text/");
  if (json && !odd_bytes_ && !utf8_.take(bytes)) {
    odd_bytes_ = true;
    gap(policy::Uninspected::Malformed, "bytes that are not UTF-8", true, offset);
  }
  record_text<audit::ResponseFragment>(
      offset, bytes, text.masks, text.credentials,
      [this](auto piece) { sink_.record(exchange_.number, std::move(piece)); });
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
  gap(kind, detail, false, exchange_.response_bytes);
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
      gap(fault_, *released.malformed, true, exchange_.response_bytes);
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
