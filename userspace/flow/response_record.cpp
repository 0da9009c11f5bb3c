#include "userspace/flow/response_record.h"

#include "userspace/flow/observing.h"
#include "userspace/flow/record_pieces.h"
#include "userspace/masking/known_secret.h"

#include <algorithm>
#include <string>
#include <utility>

namespace veilwire::flow {

void ResponseRecord::content(const Released& released, const policy::Policy& policy,
                             policy::Facts facts) {
  const EditedText& text = released.recorded ? *released.recorded : released;
  if (text.unread_from) unread_from_ = text.unread_from;
  std::string_view bytes = text.bytes;
  const std::uint64_t offset = released_;
  released_ += bytes.size();
  if (unread_from_ && *unread_from_ < released_)
    bytes.remove_suffix(std::min<std::uint64_t>(released_ - *unread_from_, bytes.size()));
  if (bytes.empty()) return;
  if (!released.recorded) return read(bytes, offset, text);
  EditedText decided = text;
  for (audit::MaskedSpan& mask : decided.masks) {
    if (mask.rule == masking::kKnownSecretRule) continue;
    facts.rule = mask.rule;
    facts.category = mask.category;
    mask.action = policy::to_string(policy::decide(policy, facts));
  }
  read(bytes, offset, decided);
}

void ResponseRecord::read(std::string_view bytes, std::uint64_t offset, const EditedText& text) {
  // Clients read a replacement character there, and so may whoever reads the record: not a fault
  // that is worth an answer, but said.
  if (utf8_ && !utf8_->take(bytes)) {
    utf8_.reset();
    gap(policy::Uninspected::Malformed, "bytes that are not UTF-8", true, offset);
  }
  record_text<audit::ResponseFragment>(
      offset, bytes, text.masks, text.credentials,
      [this](auto piece) { sink_.record(exchange_.number, std::move(piece)); });
}

void ResponseRecord::gap(policy::Uninspected kind, std::string_view detail, bool passes,
                         std::uint64_t bytes, bool observes) {
  audit::Gap gap{.reason = std::string(policy::to_string(kind)),
                 .detail = "response body" + (detail.empty() ? "" : ": " + std::string(detail)),
                 .action = {},
                 .bytes = bytes};
  set_action(gap, passes, observes);
  sink_.record(exchange_.number, std::move(gap));
}

void ResponseRecord::leave_out_the_rest() {
  if (unread_from_) return;
  unread_from_ = released_;
  sink_.record(exchange_.number,
               audit::Gap{.reason = "not recorded",
                          .detail = "response body: findings pass from its middle on",
                          .action = "pass",
                          .bytes = 0});
}

}  // namespace veilwire::flow
