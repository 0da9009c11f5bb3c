#include "userspace/evidence/original_reader.h"

#include "userspace/audit/head_digest.h"
#include "userspace/base/ascii.h"
#include "userspace/crypto/encoding.h"
#include "userspace/sealing/body.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace veilwire::evidence {

struct OriginalReader::Key {
  std::optional<sealing::SessionKey> key;
  sealing::SealingError error = sealing::SealingError::NotWrapped;  // where there is none
};

struct OriginalReader::Head {
  std::uint64_t exchange = 0;
  std::string direction;
  crypto::Digest digest{};
  std::vector<std::string> codings;
};

struct OriginalReader::Open {
  OriginalBody body;
  std::string head, writer, host;
  std::optional<sealing::BodyOpener> opener;
};

OriginalReader::OriginalReader(Unwrap unwrap, Take take)
    : unwrap_(std::move(unwrap)), take_(std::move(take)) {}
OriginalReader::~OriginalReader() = default;

void OriginalReader::add(const audit::Parsed& parsed, std::string_view canonical) {
  const audit::Body& body = parsed.record.body;
  if (const auto* key = std::get_if<audit::OriginalKey>(&body)) return add_key(parsed, *key);
  if (const auto* head = std::get_if<audit::RequestHead>(&body))
    return add_head(parsed, canonical, head->fields);
  if (const auto* head = std::get_if<audit::ResponseHead>(&body))
    return add_head(parsed, canonical, head->fields);
  if (const auto* chunk = std::get_if<audit::OriginalChunk>(&body)) add_chunk(parsed, *chunk);
}

void OriginalReader::add_key(const audit::Parsed& parsed, const audit::OriginalKey& record) {
  const auto name = std::pair(parsed.record.context.session, record.key_id);
  if (keys_.count(name) != 0) return;
  Key key;
  const auto id = crypto::hex_decode(record.key_id);
  auto unwrapped = unwrap_({.id = id.value_or(""), .recipients = {}, .cms = record.cms});
  if (unwrapped)
    key.key.emplace(std::move(unwrapped).value());
  else
    key.error = unwrapped.error();
  keys_.emplace(name, std::move(key));
}

void OriginalReader::add_head(const audit::Parsed& parsed, std::string_view canonical,
                              const audit::Fields& fields) {
  Head head;
  head.exchange = parsed.record.context.exchange;
  head.direction =
      std::holds_alternative<audit::RequestHead>(parsed.record.body) ? "request" : "response";
  head.digest = audit::head_digest(canonical);
  for (const auto& [name, value] : fields)
    if (to_lower(name) == "content-encoding") head.codings.push_back(value);
  const std::string digest = crypto::hex_encode(head.digest);
  heads_.insert_or_assign({parsed.record.context.session, digest}, std::move(head));
}

void OriginalReader::begin(Open& open, const audit::Parsed& parsed,
                           const audit::OriginalChunk& chunk) {
  const audit::Context& context = parsed.record.context;
  open.head = chunk.head;
  open.writer = parsed.writer;
  open.host = context.host;
  open.body = {.session = context.session,
               .exchange = context.exchange,
               .direction = chunk.direction,
               .key_id = chunk.key_id,
               .codings = {},
               .problem = {}};
  const auto head = heads_.find({context.session, chunk.head});
  if (head == heads_.end() || head->second.exchange != context.exchange ||
      head->second.direction != chunk.direction) {
    open.body.problem = "its head is not the one that it was sealed under, or is missing";
    return;
  }
  open.body.codings = head->second.codings;
  const auto key = keys_.find({context.session, chunk.key_id});
  if (key == keys_.end()) {
    open.body.problem = "the key that it is sealed under is missing";
  } else if (!key->second.key) {
    open.body.locked = true;
    open.body.problem = std::string(to_string(key->second.error));
  } else {
    open.opener.emplace(*key->second.key,
                        sealing::BodyIdentity{.host = open.host,
                                              .writer = open.writer,
                                              .session = context.session,
                                              .exchange = context.exchange,
                                              .direction = chunk.direction == "request"
                                                               ? sealing::BodyDirection::Request
                                                               : sealing::BodyDirection::Response},
                        head->second.digest);
  }
}

void OriginalReader::add_chunk(const audit::Parsed& parsed, const audit::OriginalChunk& chunk) {
  const audit::Context& context = parsed.record.context;
  std::unique_ptr<Open>& slot = open_[{context.session, context.exchange, chunk.direction}];
  if (slot == nullptr) {
    slot = std::make_unique<Open>();
    order_.push_back(slot.get());
    begin(*slot, parsed, chunk);
  }
  Open& open = *slot;
  ++open.body.chunks;
  if (open.body.problem) return;
  if (chunk.head != open.head || chunk.key_id != open.body.key_id || parsed.writer != open.writer ||
      context.host != open.host) {
    open.body.problem = "chunk " + std::to_string(open.body.chunks - 1) +
                        ": it says that it belongs to another body";
    return;
  }
  const auto text =
      open.opener->open({.index = chunk.index, .last = chunk.last, .bytes = chunk.content});
  if (!text) {
    open.body.problem = "chunk " + std::to_string(open.body.chunks - 1) + ": " +
                        std::string(to_string(text.error()));
    return;
  }
  open.body.bytes += text->reveal().size();
  take_(open.body, text->reveal());
}

std::vector<OriginalBody> OriginalReader::finish() {
  std::vector<OriginalBody> out;
  for (Open* open : order_) {
    if (!open->body.problem)
      if (const auto ended = open->opener->finish(); !ended)
        open->body.problem = std::string(to_string(ended.error()));
    out.push_back(open->body);
  }
  return out;
}

}  // namespace veilwire::evidence
