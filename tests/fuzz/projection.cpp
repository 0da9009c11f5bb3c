// Records as a ledger that somebody else has written could hold them, a line each, in every
// projection of every level: what comes out is what its format allows. The same bytes are read as
// what peers send, a body and a stream of events, and as what a collector answers.
#include "userspace/projection/conversation.h"
#include "userspace/projection/har.h"
#include "userspace/projection/json_tree.h"
#include "userspace/projection/jsonl.h"
#include "userspace/projection/ocsf.h"
#include "userspace/projection/otlp.h"
#include "userspace/projection/protobuf.h"
#include "userspace/projection/syslog.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace veilwire;
using namespace veilwire::projection;

const Source kSource{.version = "0", .host_id = "h", .host_name = {}};

void require(bool ok) {
  if (!ok) std::abort();
}

void check_line(const std::optional<std::string>& line) {
  if (!line) return;
  require(line->find('\n') == line->size() - 1);
  require(parse_json(*line).has_value());
}

void check_event(const std::optional<Event>& event) {
  if (!event) return;
  OtlpRequest request(kSource, std::size_t{64} << 20U);
  require(request.add(*event) == OtlpRequest::Added::Yes);
  const std::string bytes = request.finish();
  std::string_view rest = bytes;
  require(protobuf::take_field(rest).has_value() && rest.empty());
}

template <class What>
void check_all(const What& what, Level level) {
  check_event(event_of(what, level));
  for (const std::string& line : ocsf_lines(what, kSource, level)) check_line(line);
  if (const auto message = syslog_message(what, kSource, level)) {
    require(message->size() <= kSyslogMessage && message->find('\n') == std::string::npos);
  }
}

void check_bytes(std::string_view bytes) {
  (void)parse_otlp_answer(bytes);
  (void)read_mcp_request(bytes);
  if (const auto request = read_model_request(bytes))
    require(parse_json(to_json(request->messages)).has_value());
  for (const char* type : {"text/event-stream", "application/json"}) {
    AnswerReader reader(4096);
    reader.begin(type);
    reader.feed(bytes.substr(0, bytes.size() / 2));
    reader.feed(bytes.substr(bytes.size() / 2));
    require(parse_json(to_json(reader.finish(bytes).messages)).has_value());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_bytes(bytes);
  ExchangeReader reader(4096);
  for (std::string_view rest = bytes; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() < rest.size() ? line.size() + 1 : rest.size());
    const auto parsed = audit::parse_record(line);
    if (!parsed) continue;
    reader.add(*parsed);
    for (const Level level : {Level::Masked, Level::Metadata, Level::Findings}) {
      check_all(*parsed, level);
      const std::string canonical = audit::canonical(parsed->record, parsed->writer, parsed->seq);
      check_line(jsonl(canonical, *parsed, level));
    }
  }
  const Exchange exchange = reader.finish();
  for (const Level level : {Level::Masked, Level::Metadata, Level::Findings}) {
    check_all(exchange, level);
    check_line(jsonl(exchange, level));
    if (const auto entry = har_entry(exchange, level)) require(parse_json(*entry).has_value());
  }
  return 0;
}
