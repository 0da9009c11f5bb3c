#include "agent/forwarder/witness_sink.h"

#include "agent/forwarder/retry_after.h"
#include "agent/host/log.h"
#include "agent/outbound/https_client.h"
#include "userspace/proof/checkpoint.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

namespace veilwire::forwarder {
namespace {

namespace asio = boost::asio;
using evidence::BatchWriter;
using evidence::WitnessAnswer;

// A recorder writes one a minute; a sink that catches up sends some in each batch.
constexpr std::size_t kCheckpoints = 4096;

}  // namespace

WitnessSink::WitnessSink(asio::io_context& io, WitnessSettings settings,
                         std::function<WallTime()> wall_clock)
    : io_(io),
      settings_(std::move(settings)),
      tls_(settings_.tls),
      key_(*proof::NoteVerifier::parse(settings_.key)),
      wall_clock_(std::move(wall_clock)) {}

asio::awaitable<Sent> WitnessSink::send(std::span<const Told> told) {
  Sent sent;
  while (sent.done < told.size()) {
    const auto rest = told.subspan(sent.done);
    BatchWriter batch(origin_, rest.front().record);
    std::uint64_t next = rest.front().record;
    for (const Told& each : rest) {
      // A log has no holes: what does not follow is a batch of its own.
      if (each.record != next || !batch.add(each.canonical)) break;
      ++next;
    }
    remember_checkpoints(rest.first(batch.records()));
    Heard heard = co_await post(batch.bytes());
    if (!judge(std::move(heard), rest.first(batch.records()), sent)) break;
  }
  co_return sent;
}

void WitnessSink::remember_checkpoints(std::span<const Told> told) {
  for (const Told& each : told) {
    const auto* record =
        each.parsed ? std::get_if<audit::Checkpoint>(&each.parsed->record.body) : nullptr;
    if (record == nullptr) continue;
    const auto note = proof::parse_note(record->note);
    const auto checkpoint = note ? proof::parse_checkpoint(note->text) : std::nullopt;
    if (checkpoint) checkpoints_[checkpoint->size] = note->text;
  }
  while (checkpoints_.size() > kCheckpoints) checkpoints_.erase(checkpoints_.begin());
}

// false: it has gone to its end with a problem.
bool WitnessSink::judge(Heard heard, std::span<const Told> told, Sent& sent) {
  const auto fail = [&](std::string problem) {
    sent.problem = std::move(problem);
    sent.retry_after = heard.retry_after;
    return false;
  };
  const std::string why = host::log::printable(heard.answer.error);
  const std::uint64_t first = told.front().record;
  switch (heard.status) {
    case 0:
      return fail(std::move(heard.problem));
    case 200:
    case 409:
      break;
    case 422:
      return fail("TAMPERING, says the witness: record " + std::to_string(heard.answer.record) +
                  " of " + origin_ + " " + why);
    case 403:
      return fail("the witness does not take this log from this host: " + why);
    default:
      return fail("the witness answers with HTTP status " + std::to_string(heard.status) +
                  (why.empty() ? "" : ": " + why));
  }
  if (!heard.answer.size) return fail("what answers is no witness");
  const std::uint64_t size = *heard.answer.size;
  if (size + 1 < first) {
    return fail("the witness holds " + std::to_string(size) +
                " records of this log: to send the others again, rewind this sink to " +
                std::to_string(size + 1));
  }
  const auto taken = std::min<std::uint64_t>(size + 1 - first, told.size());
  if (heard.status == 200 && taken != told.size())
    return fail("the witness has taken less than it was sent");
  if (heard.status == 409 && taken == 0) return fail("the witness contradicts itself");
  if (!believe(heard.answer, sent)) {
    return fail(
        "the witness's signature is not of its configured key, or not of the checkpoint "
        "that it was sent");
  }
  sent.done += static_cast<std::size_t>(taken);
  return true;
}

// false: it is a signature that does not hold.
bool WitnessSink::believe(const WitnessAnswer& answer, Sent& sent) {
  if (!answer.cosignature) return true;
  const auto sent_checkpoint = checkpoints_.find(answer.cosignature->size);
  // From before this sink began, or said already.
  if (sent_checkpoint == checkpoints_.end()) return true;
  const auto lines = proof::parse_signatures(answer.cosignature->line + "\n");
  if (!lines || lines->size() != 1 || !key_.is_of_this_key(lines->front()) ||
      !key_.verify(sent_checkpoint->second, lines->front()))
    return false;
  sent.cosigned = Sent::Cosignature{answer.cosignature->size, answer.cosignature->line};
  checkpoints_.erase(checkpoints_.begin(), std::next(sent_checkpoint));
  return true;
}

asio::awaitable<WitnessSink::Heard> WitnessSink::post(std::string bytes) {
  Heard heard;
  std::shared_ptr<wire::TlsClientContext> context;
  if (settings_.url.secure) {
    auto made = tls_.context();
    if (!made) {
      heard.problem = made.error();
      co_return heard;
    }
    context = *std::move(made);
  }
  outbound::HttpRequest request{.url = settings_.url,
                                .post = true,
                                .fields = {},
                                .body = bytes,
                                .most_answer = evidence::kWitnessAnswerBytes};
  request.fields.emplace_back("Content-Type", evidence::kBatchType);
  outbound::HttpsClient client(io_, std::move(context), wall_clock_);
  const auto answer = co_await client.ask(request, settings_.timeout);
  if (!answer) {
    heard.problem = to_string(answer.error());
    co_return heard;
  }
  heard.status = answer->status;
  heard.retry_after = read_retry_after(answer->field("retry-after"), wall_clock_());
  if (auto parsed = evidence::parse_answer(answer->body.reveal()))
    heard.answer = *std::move(parsed);
  co_return heard;
}

}  // namespace veilwire::forwarder
