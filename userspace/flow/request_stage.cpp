#include "userspace/flow/request_stage.h"

#include "userspace/base/limits.h"
#include "userspace/base/secret.h"
#include "userspace/flow/body_type.h"
#include "userspace/flow/conversation.h"
#include "userspace/flow/form_body_editor.h"
#include "userspace/flow/given_credential.h"
#include "userspace/flow/head_edit.h"
#include "userspace/flow/observing.h"
#include "userspace/flow/record_pieces.h"
#include "userspace/flow/request_head_edit.h"
#include "userspace/message/inspect.h"
#include "userspace/wire/content_coding.h"
#include "userspace/wire/http1.h"
#include "userspace/wire/utf8.h"

#include <algorithm>
#include <utility>

namespace veilwire::flow {

// What the body turned out to be.
struct RequestStage::Scan {
  ~Scan() { wipe(head.raw.data(), head.raw.size()); }  // it may hold a credential

  std::vector<wire::Coding> codings;
  std::string decoded;     // empty where there is no coding
  std::string_view plain;  // without any coding: decoded, or the body itself
  std::string released;    // decoded, masked as policy says
  std::string recorded;    // decoded, every rule masked
  std::vector<audit::MaskedSpan> masks;
  std::vector<Stretch> credentials;  // in recorded
  bool read = false;                 // what it asks for could be: facts are what they say
  bool inspected = false;
  bool as_it_came = false;  // it goes on so; released says nothing
  wire::RequestHead head;   // as it goes upstream
  std::string trailers;
  message::RequestFacts facts;
};

namespace {

message::Dialect dialect(policy::Service service) {
  switch (service) {
    case policy::Service::Anthropic:
      return message::Dialect::Anthropic;
    case policy::Service::Mcp:
      return message::Dialect::Mcp;
    case policy::Service::Generic:
      return message::Dialect::Generic;
  }
  return message::Dialect::Generic;
}

Result<void, wire::CodingError> encode(const std::vector<wire::Coding>& codings,
                                       std::string_view plain, std::string& coded) {
  auto encoder = wire::Encoder::make(codings);
  if (!encoder) return Unexpected{encoder.error()};
  if (const auto fed = encoder->feed(plain, coded); !fed) return fed;
  return encoder->finish(coded);
}

// Decoded at a time: room is asked for after each.
constexpr std::size_t kDecodeStep = std::size_t{64} * 1024;

bool edit_all(const EditorContext& context, const std::shared_ptr<const masking::Engine>& engine,
              std::string_view plain, Released& out) {
  const auto editor = make_body_editor(context, engine);
  if (editor == nullptr) return false;
  editor->feed(plain, out);
  if (!out.blocked && !out.malformed) editor->finish(out);
  return true;
}

}  // namespace

RequestStage::Taken RequestStage::body(std::string_view bytes) {
  const bool room = !kept_ || hold_.resize(body_.size() + bytes.size());
  if (!room && !exchange_.observes) return Taken::NoRoom;
  body_ += bytes;
  size_ += bytes.size();
  if (!room) return Taken::NoRoom;
  return body_.size() > limits::kRequestBody ? Taken::OverLimit : Taken::Held;
}

void RequestStage::read_question() {
  if (body_.empty() || exchange_.head.count("content-encoding") != 0) return;
  const message::RequestFacts facts = message::inspect_request(
      dialect(exchange_.service), exchange_.head.method(), exchange_.head.target(), body_);
  exchange_.request_id = facts.id;
  exchange_.mcp_method = facts.mcp_method;
}

std::string RequestStage::pass_on() {
  const bool chunked = exchange_.framing.kind == wire::Framing::Kind::Chunked;
  std::string out;
  if (!chunked && size_ >= exchange_.framing.length) return out;
  const std::string_view rest = std::string_view(body_).substr(sent_);
  if (!chunked)
    out = rest;
  else if (!rest.empty())
    wire::encode_chunk(rest, out);
  sent_ = body_.size();
  if (!kept_) body_.clear(), sent_ = 0;
  return out;
}

RequestStage::Outcome RequestStage::begin() {
  Outcome out;
  Scan scan;
  begun_ = true;
  scan.head = exchange_.head;
  if (exchange_.credential && !give(*exchange_.credential, scan.head)) {
    out.refusal =
        refusal::credential_unavailable(exchange_.credential->name, "it fits into no field");
    return out;
  }
  const std::string body = pass_on();
  begin_bytes(scan.head, body.size(), out);
  out.bytes += body;
  return out;
}

audit::Gap RequestStage::give_up(std::string_view reason, bool passes) {
  kept_ = false;
  body_.erase(0, sent_);
  sent_ = 0;
  hold_.set(0);
  audit::Gap gap{
      .reason = std::string(reason), .detail = "request body", .action = {}, .bytes = size_};
  set_action(gap, passes, true);
  return gap;
}

std::optional<audit::Body> RequestStage::early_head(const Ruleset& ruleset,
                                                    const identity::Person& person) {
  if (std::exchange(head_recorded_, true)) return std::nullopt;
  return head_record({}, ruleset, person);
}

RequestStage::Outcome RequestStage::no_room(std::size_t bytes) const {
  Outcome out;
  out.records.emplace_back(audit::Gap{.reason = "overloaded",
                                      .detail = "request body: as much is held as may be",
                                      .action = "block",
                                      .bytes = body_.size()});
  exchange_.memory.count_refusal();
  out.refusal = exchange_.memory.possible(bytes)
                    ? refusal::overloaded(exchange_.service)
                    : refusal::request_too_large(exchange_.memory.budget->share());
  return out;
}

bool RequestStage::pass_uninspected(policy::Uninspected kind, std::string_view detail,
                                    const Ruleset& ruleset, Outcome& out) const {
  const bool pass = policy::uninspected_action(ruleset.policy(), kind) == policy::Action::Pass;
  audit::Gap gap{.reason = std::string(policy::to_string(kind)),
                 .detail = "request body" + (detail.empty() ? "" : ": " + std::string(detail)),
                 .action = {},
                 .bytes = body_.size()};
  set_action(gap, pass, exchange_.observes);
  out.records.emplace_back(std::move(gap));
  if (!pass && !exchange_.observes) out.refusal = refusal::uninspected_request(kind, detail);
  return pass;
}

void RequestStage::block(const audit::MaskedSpan& finding, Outcome& out) {
  out.records.emplace_back(audit::Blocked{.direction = "request",
                                          .rule = finding.rule,
                                          .category = finding.category,
                                          .digest = finding.digest,
                                          .answer = "451"});
  out.refusal = refusal::blocked_request(finding);
}

void RequestStage::no_room_to_look(std::size_t bytes, Outcome& out) {
  if (exchange_.observes)
    out.records.emplace_back(give_up("overloaded", false));
  else
    out = no_room(bytes);
}

bool RequestStage::decode(const Ruleset& ruleset, Outcome& out, Scan& scan) {
  auto codings = wire::read_codings(exchange_.head.list("content-encoding"));
  if (!codings) {
    pass_uninspected(policy::Uninspected::UnknownCoding, wire::to_string(codings.error()), ruleset,
                     out);
    return false;
  }
  scan.codings = std::move(codings).value();
  scan.plain = body_;
  // Beside what came: what it decodes to, what the two edits make of that, and what is sealed.
  const std::size_t sealed = ruleset.policy().originals.empty() ? 0 : body_.size();
  const auto needed = [&] {
    return body_.size() + scan.decoded.size() + 2 * scan.plain.size() + sealed;
  };
  if (!scan.codings.empty()) {
    auto decoder = wire::Decoder::make(scan.codings, {.size = limits::kRequestBody});
    Result<void, wire::CodingError> decoded =
        decoder ? Result<void, wire::CodingError>() : Unexpected{decoder.error()};
    for (std::string_view rest = body_; decoded && !rest.empty();
         rest.remove_prefix(std::min(rest.size(), kDecodeStep))) {
      decoded = decoder->feed(rest.substr(0, kDecodeStep), scan.decoded);
      scan.plain = scan.decoded;
      if (!hold_.resize(needed())) {
        no_room_to_look(needed(), out);
        return false;
      }
    }
    if (decoded) decoded = decoder->finish();
    if (!decoded) {
      pass_uninspected(kind_of(decoded.error()), wire::to_string(decoded.error()), ruleset, out);
      return false;
    }
    scan.plain = scan.decoded;
  }
  if (hold_.resize(needed())) return true;
  no_room_to_look(needed(), out);
  return false;
}

void RequestStage::scan(const Ruleset& ruleset, const identity::Person& person, Monotonic now,
                        Outcome& out, Scan& scan) {
  scan.read = size_ == 0;
  if (size_ == 0 || !kept_) return;
  // Two types are two readings of one body, and only one of them would have been inspected.
  if (exchange_.head.count("content-type") > 1) {
    pass_uninspected(policy::Uninspected::Malformed, "more than one Content-Type", ruleset, out);
    return;
  }
  if (!decode(ruleset, out, scan)) return;
  scan.facts = message::inspect_request(dialect(exchange_.service), exchange_.head.method(),
                                        exchange_.head.target(), scan.plain);
  scan.read = true;
  exchange_.request_id = scan.facts.id;
  exchange_.mcp_method = scan.facts.mcp_method;
  const auto [named, look, fault] = body_type(exchange_.head, exchange_.service, false);
  if (!fault.empty()) {
    pass_uninspected(policy::Uninspected::Malformed, fault, ruleset, out);
    return;
  }
  std::string type = named;
  if (look) {
    BodyLook looks(exchange_.service, named);
    const auto seen = looks.feed(scan.plain);
    type = seen ? *seen : looks.finish();
    if (is_form_type(named) && is_text_type(type)) type = named;
  }
  const bool observes = exchange_.observes;
  const auto& passing = ruleset.passing_engine();
  const auto engine =
      observes ? passing : ruleset.engine(policy::Direction::Request, exchange_.host, &person);
  EditorContext context = exchange_.context(policy::Direction::Request, type);
  std::optional<Conversation> conversation;
  if (engine != nullptr && exchange_.conversations != nullptr &&
      exchange_.service == policy::Service::Anthropic) {
    conversation.emplace(
        scan.plain, Conversation::Setting{
                        .elements = ruleset.elements(),
                        .memory = *exchange_.conversations,
                        .user = exchange_.memory.user,
                        .host = exchange_.host,
                        .engines = {engine, observes ? passing
                                                     : ruleset.engine(policy::Direction::Response,
                                                                      exchange_.host, &person)},
                        .now = now,
                        .observed = observes});
    context.conversation = &*conversation;
  }
  Released released;
  // What nobody has changed before is read once, for the record.
  scan.as_it_came = observes && (begun_ || !conversation || conversation->plain());
  std::optional<Conversation> for_record;
  EditorContext reading = context;
  if (observes && conversation)
    reading.conversation = &for_record.emplace(conversation->read_by(ruleset.record_engine()));
  const auto edit = [&] {
    return scan.as_it_came ? edit_all(reading, ruleset.record_engine(), scan.plain, released)
                           : edit_all(context, engine, scan.plain, released);
  };
  bool editable = engine != nullptr && edit();
  if (observes && released.blocked) {
    // By what an earlier turn was read by: nothing is blocked now.
    released = {};
    scan.as_it_came = true;
    editable = edit();
  }
  if (!editable) {
    pass_uninspected(policy::Uninspected::NotText, named, ruleset, out);
    return;
  }
  if (released.malformed) {
    pass_uninspected(policy::Uninspected::Malformed, *released.malformed, ruleset, out);
    return;
  }
  if (released.blocked) {
    block(*released.blocked, out);
    return;
  }
  scan.inspected = true;
  if (!context.media_type.starts_with("text/") &&
      !wire::Utf8Checker(wire::Utf8::Strict).take(scan.plain))
    out.records.emplace_back(
        audit::Gap{.reason = std::string(policy::to_string(policy::Uninspected::Malformed)),
                   .detail = "request body: bytes that are not UTF-8",
                   .action = "pass",
                   .bytes = body_.size()});
  if (scan.as_it_came) {
    scan.recorded = std::move(released.bytes);
    scan.masks = std::move(released.masks);
    scan.credentials = std::move(released.credentials);
    observe(ruleset, person, {}, out, scan);
    if (conversation) exchange_.answer = conversation->sent();
    return;
  }
  std::vector<audit::MaskedSpan> masked;
  if (observes) masked = released.masks;
  record(ruleset, person, engine, context, released, scan);
  if (observes) observe(ruleset, person, masked, out, scan);
  scan.released = std::move(released.bytes);
  if (!conversation) return;
  // Behind the record: what is put back is secret.
  if (auto restored = conversation->restored(scan.released)) scan.released = *std::move(restored);
  exchange_.answer = conversation->sent();
}

// What policy lets pass upstream is still not written down in clear.
void RequestStage::record(const Ruleset& ruleset, const identity::Person& person,
                          const std::shared_ptr<const masking::Engine>& engine,
                          EditorContext context, Released& released, Scan& scan) const {
  const Conversation* conversation = context.conversation;
  if (engine == ruleset.record_engine() && (conversation == nullptr || conversation->plain())) {
    scan.recorded = released.bytes;
    scan.masks = std::move(released.masks);
    scan.credentials = std::move(released.credentials);
    return;
  }
  std::optional<Conversation> same;
  if (conversation != nullptr)
    context.conversation = &same.emplace(conversation->read_by(ruleset.record_engine()));
  Released recorded;
  edit_all(context, ruleset.record_engine(), scan.plain, recorded);
  scan.recorded = std::move(recorded.bytes);
  scan.credentials = std::move(recorded.credentials);
  scan.masks = std::move(recorded.masks);
  for (audit::MaskedSpan& mask : scan.masks) {
    const policy::Facts facts{.direction = policy::Direction::Request,
                              .host = exchange_.host,
                              .person = &person,
                              .rule = mask.rule,
                              .category = mask.category};
    mask.action = policy::to_string(policy::decide(ruleset.policy(), facts));
  }
}

// masked: what is masked all the same, as it was when it was said first.
void RequestStage::observe(const Ruleset& ruleset, const identity::Person& person,
                           const std::vector<audit::MaskedSpan>& masked, Outcome& out,
                           Scan& scan) const {
  const Observation seen = mark_observed(
      scan.masks, ruleset.policy(),
      {.direction = policy::Direction::Request, .host = exchange_.host, .person = &person});
  exchange_.observed += seen.observed;
  if (seen.block != nullptr)
    out.records.emplace_back(would_block(policy::Direction::Request, *seen.block, "451"));
  for (audit::MaskedSpan& mask : scan.masks) {
    const auto same = [&](const audit::MaskedSpan& one) {
      return one.rule == mask.rule && one.digest == mask.digest;
    };
    if (mask.would.empty() || std::ranges::none_of(masked, same)) continue;
    mask.action = "mask";
    mask.would.clear();
    --exchange_.observed;
    ++exchange_.masked;
  }
}

// What is in the head goes on with it, and is told.
void RequestStage::observe_head(const Ruleset& ruleset, const identity::Person& person,
                                Outcome& out, const Scan& scan) const {
  wire::RequestHead head = exchange_.head;
  wire::FieldSection trailers = trailers_;
  const auto& engine = ruleset.record_engine();
  Masks masks;
  mask_request_head(head, exchange_.service,
                    scan.inspected ? BodyChange{scan.plain, scan.recorded} : BodyChange{}, engine,
                    masks);
  mask_request_trailers(trailers, *engine, masks);
  const Observation seen = mark_observed(
      masks, ruleset.policy(),
      {.direction = policy::Direction::Request, .host = exchange_.host, .person = &person});
  exchange_.observed += seen.observed;
  if (seen.block != nullptr)
    out.records.emplace_back(would_block(policy::Direction::Request, *seen.block, "451"));
}

void RequestStage::edit_head(const Ruleset& ruleset, const identity::Person& person, Outcome& out,
                             Scan& scan) const {
  if (exchange_.observes) {
    observe_head(ruleset, person, out, scan);
    scan.head = exchange_.head;
    wire::FieldSection trailers = trailers_;
    if (exchange_.credential) drop_own(exchange_.credential->host, trailers);
    scan.trailers = std::move(trailers.raw);
    if (!begun_ && exchange_.credential && !give(*exchange_.credential, scan.head))
      out.refusal =
          refusal::credential_unavailable(exchange_.credential->name, "it fits into no field");
    return;
  }
  // An engine that cannot be compiled is no reason to look away.
  auto engine = ruleset.engine(policy::Direction::Request, exchange_.host, &person);
  if (engine == nullptr) engine = ruleset.record_engine();
  scan.head = exchange_.head;
  wire::FieldSection trailers = trailers_;
  Masks masks;
  mask_request_head(scan.head, exchange_.service,
                    scan.inspected ? BodyChange{scan.plain, scan.released} : BodyChange{}, engine,
                    masks);
  mask_request_trailers(trailers, *engine, masks);
  exchange_.masked += masks.size();
  if (const auto blocked = std::ranges::find(masks, "block", &audit::MaskedSpan::action);
      blocked != masks.end())
    return block(*blocked, out);
  if (exchange_.credential) drop_own(exchange_.credential->host, trailers);
  scan.trailers = std::move(trailers.raw);
  remove_hop_fields(scan.head, exchange_.expectation.upgrade ? wire::UpgradeFields::Keep
                                                             : wire::UpgradeFields::Strip);
  if (exchange_.continued) wire::remove_fields(scan.head, "expect");
  ask_for_the_whole(scan.head);
  // Behind what Connection removes, which a client could make the name of this field.
  if (exchange_.credential && !give(*exchange_.credential, scan.head))
    out.refusal =
        refusal::credential_unavailable(exchange_.credential->name, "it fits into no field");
}

// One allocation: bytes that grow would leave a credential behind.
void RequestStage::begin_bytes(const wire::RequestHead& head, std::size_t more, Outcome& out) {
  constexpr std::size_t kFraming = 64;
  out.bytes.reserve(head.raw.size() + more + kFraming);
  out.bytes += head.raw;
  out.head_size = head.raw.size();
}

void RequestStage::write(Scan& scan, Outcome& out) const {
  if (begun_) {
    const std::string_view rest = std::string_view(body_).substr(sent_);
    if (exchange_.framing.kind != wire::Framing::Kind::Chunked) {
      out.bytes = rest;
      return;
    }
    if (!rest.empty()) wire::encode_chunk(rest, out.bytes);
    return wire::encode_last_chunk(scan.trailers, out.bytes);
  }
  wire::RequestHead& head = scan.head;
  std::string coded;
  const bool changed = scan.inspected && !scan.as_it_came && scan.released != scan.plain;
  if (changed) {
    if (const auto encoded = encode(scan.codings, scan.released, coded); !encoded) {
      out.refusal = refusal::cannot_encode("request");
      return;
    }
    // Digests of the body that is gone would make it refused upstream.
    for (const std::string_view digest : {"content-md5", "digest", "content-digest", "repr-digest"})
      wire::remove_fields(head, digest);
    if (exchange_.framing.kind == wire::Framing::Kind::Length)
      (void)wire::set_field(head, "Content-Length", std::to_string(coded.size()));
  }
  const std::string& body = changed ? coded : body_;
  begin_bytes(head, body.size() + scan.trailers.size(), out);
  if (exchange_.framing.kind == wire::Framing::Kind::Chunked) {
    wire::encode_chunk(body, out.bytes);
    wire::encode_last_chunk(scan.trailers, out.bytes);
  } else {
    out.bytes += body;
  }
}

audit::RequestHead RequestStage::head_record(const Scan& scan, const Ruleset& ruleset,
                                             const identity::Person& person) const {
  const masking::Engine& engine = *ruleset.record_engine();
  // What the server's own credentials are is redacted by name, whatever a rule says.
  wire::RequestHead head = exchange_.head;
  // A field that policy names is one, whatever its name is like.
  if (const auto* host = policy::find_host(ruleset.policy(), exchange_.host);
      host != nullptr && !host->credential_field.empty()) {
    for (std::size_t i = 0; i < head.fields.size(); ++i) {
      const std::string_view name = head.name(head.fields[i]);
      if (is_replaced(*host, name) && !audit::is_credential_field(name))
        (void)wire::replace_value(head, i, ruleset.redact_value(head.value(head.fields[i])));
    }
  }
  wire::replace_target(head, ruleset.redact_target(head.target()));
  Masks masks;
  mask_request_head(head, exchange_.service,
                    scan.inspected ? BodyChange{scan.plain, scan.recorded} : BodyChange{},
                    ruleset.record_engine(), masks);
  return {.person = person,
          .service = std::string(policy::to_string(exchange_.service)),
          .method = std::string(exchange_.head.method()),
          .target = masked_target(head.target(), PathOf::Message, ruleset.record_engine(), nullptr),
          .fields = fields_for_record(head, ruleset),
          .model = masking::mask_all(engine, scan.facts.model),
          .mcp_method = masking::mask_all(engine, scan.facts.mcp_method),
          .tool = masking::mask_all(engine, scan.facts.tool),
          .policy_digest = ruleset.policy().digest,
          .credential = exchange_.credential ? exchange_.credential->name : "",
          .mode = exchange_.observes ? std::string(policy::to_string(policy::Mode::Observe)) : ""};
}

void RequestStage::keep(const Ruleset& ruleset, const identity::Person& person, WallTime now,
                        const Scan& scan, const audit::Body& head,
                        std::vector<audit::Body>& records, Outcome& out) const {
  const policy::Policy& policy = ruleset.policy();
  policy::OriginalFacts facts{.host = exchange_.host, .person = &person, .model = {}};
  if (scan.read) facts.model = scan.facts.model;
  const policy::Keep keep = policy::originals_of(policy, facts);
  if (keep == policy::Keep::None) return;
  if (const auto ready = exchange_.originals->prepare(ruleset.auditors(), now); !ready) {
    const bool pass = policy.unsealed == policy::Action::Pass;
    audit::Gap gap{.reason = "original not sealed",
                   .detail = ready.error(),
                   .action = {},
                   .bytes = body_.size()};
    set_action(gap, pass, exchange_.observes);
    out.records.emplace_back(std::move(gap));
    if (!pass && !exchange_.observes && !out.refusal) out.refusal = refusal::not_sealed();
    return;
  }
  exchange_.keep = keep;
  if (!policy::keeps(keep, policy::Direction::Request) || body_.empty()) return;
  out.original = exchange_.originals->open(exchange_.number, policy::Direction::Request, head);
  out.original->write(body_,
                      [&records](audit::Body chunk) { records.push_back(std::move(chunk)); });
}

RequestStage::Outcome RequestStage::finish(const Ruleset& ruleset, const identity::Person& person,
                                           Now now) {
  Outcome out;
  Scan scan;
  exchange_.request_bytes = size_;
  this->scan(ruleset, person, now.mono, out, scan);
  exchange_.stream_asked =
      exchange_.service == policy::Service::Mcp
          ? exchange_.head.method() == "GET" && exchange_.head.lists("accept", "text/event-stream")
          : scan.facts.streaming;
  if (!out.refusal) edit_head(ruleset, person, out, scan);
  if (!exchange_.observes) exchange_.masked += scan.masks.size();

  std::vector<audit::Body> records;
  const auto put = [&records](audit::Body record) { records.push_back(std::move(record)); };
  const audit::Body head = head_record(scan, ruleset, person);
  if (!head_recorded_) records.push_back(head);
  keep(ruleset, person, now.wall, scan, head, records, out);
  if (auto original = std::exchange(out.original, std::nullopt)) original->finish(put);
  if (!scan.recorded.empty())
    record_text<audit::RequestBody>(0, scan.recorded, scan.masks, scan.credentials, put);
  for (audit::Body& record : out.records) records.push_back(std::move(record));
  out.records = std::move(records);
  if (!out.refusal) write(scan, out);
  return out;
}

RequestStage::Outcome RequestStage::pass_unseen(const Ruleset& ruleset,
                                                const identity::Person& person, Now now) {
  Outcome out;
  Scan scan;
  exchange_.request_bytes = body_.size();
  const audit::Body head = head_record(scan, ruleset, person);
  std::vector<audit::Body> records{head};
  const auto put = [&records](audit::Body record) { records.push_back(std::move(record)); };
  keep(ruleset, person, now.wall, scan, head, records, out);
  if (out.original) out.original->flush(put);
  for (audit::Body& record : out.records) records.push_back(std::move(record));
  out.records = std::move(records);
  if (out.refusal) return out;
  out.records.emplace_back(
      audit::Gap{.reason = std::string(policy::to_string(policy::Uninspected::OverLimit)),
                 .detail = "request body",
                 .action = "pass",
                 .bytes = body_.size()});
  edit_head(ruleset, person, out, scan);
  if (out.refusal) return out;
  begin_bytes(scan.head, body_.size(), out);
  if (exchange_.framing.kind == wire::Framing::Kind::Chunked)
    wire::encode_chunk(body_, out.bytes);
  else
    out.bytes += body_;
  return out;
}

}  // namespace veilwire::flow
