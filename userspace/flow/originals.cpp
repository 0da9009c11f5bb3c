#include "userspace/flow/originals.h"

#include "userspace/crypto/encoding.h"
#include "userspace/flow/http_relay.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace veilwire::flow {

void Original::write(std::string_view bytes, const Put& put) {
  if (!sealer_) return;
  // Chunk by chunk: sealed at once, a large body would stand here twice.
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, std::min(bytes.size(), sealing::kChunkText));
    bytes.remove_prefix(piece.size());
    for (sealing::Chunk& chunk : sealer_->write(piece)) record(std::move(chunk), put);
  }
}

void Original::flush(const Put& put) {
  if (!sealer_) return;
  if (auto chunk = sealer_->flush()) record(*std::move(chunk), put);
}

void Original::finish(const Put& put) {
  if (!sealer_) return;
  record(sealer_->finish(), put);
  sealer_.reset();
}

void Original::record(sealing::Chunk chunk, const Put& put) const {
  audit::OriginalChunk out = form_;
  out.index = chunk.index;
  out.last = chunk.last;
  out.content = std::move(chunk.bytes);
  put(std::move(out));
}

Result<void, std::string> Originals::prepare(
    const std::shared_ptr<const sealing::Auditors>& auditors, WallTime now) {
  if (auditors == nullptr) return Unexpected{std::string("policy names no auditors")};
  // Also where the key has been wrapped for them already: what is sealed from here on, somebody
  // who may open it must still be there for.
  if (const auto problem = auditors->check(now)) return Unexpected{to_string(*problem)};
  if (sealer_ && auditors->recipients() == auditors_->recipients()) return {};
  auto sealer = sealing::SessionSealer::make(*auditors, random_, now);
  if (!sealer) return Unexpected{to_string(sealer.error())};
  auditors_ = auditors;
  sealer_.emplace(std::move(sealer).value());
  const sealing::WrappedKey& wrapped = sealer_->wrapped();
  audit::OriginalKey record{
      .key_id = crypto::hex_encode(wrapped.id), .recipients = {}, .cms = wrapped.cms};
  for (const sealing::Recipient& recipient : wrapped.recipients)
    record.recipients.push_back({.subject = recipient.subject,
                                 .issuer = recipient.issuer,
                                 .serial = recipient.serial,
                                 .fingerprint = recipient.fingerprint});
  sink_.record(0, std::move(record));
  return {};
}

Original Originals::open(std::uint64_t exchange, policy::Direction direction,
                         const audit::Body& head) {
  const crypto::Digest digest = sink_.head_digest(exchange, head);
  return {sealer_->body({.host = place_.host,
                         .writer = place_.writer,
                         .session = place_.session,
                         .exchange = exchange,
                         .direction = direction == policy::Direction::Request
                                          ? sealing::BodyDirection::Request
                                          : sealing::BodyDirection::Response},
                        digest),
          audit::OriginalChunk{.direction = std::string(policy::to_string(direction)),
                               .key_id = crypto::hex_encode(sealer_->wrapped().id),
                               .head = crypto::hex_encode(digest),
                               .index = 0,
                               .last = false,
                               .content = {}}};
}

}  // namespace veilwire::flow
