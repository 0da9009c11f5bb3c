// Writes every projection of real and of hostile exchanges into a folder, for the checks that other
// programs make of them: generate FOLDER.
#include "tests/unit/projection/sample_exchanges.h"
#include "userspace/projection/har.h"
#include "userspace/projection/json_tree.h"
#include "userspace/projection/jsonl.h"
#include "userspace/projection/ocsf.h"
#include "userspace/projection/otel_event.h"
#include "userspace/projection/otel_names.h"
#include "userspace/projection/otlp.h"
#include "userspace/projection/syslog.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

namespace veilwire::projection {
namespace {

constexpr Level kLevels[] = {Level::Masked, Level::Metadata, Level::Findings};
constexpr unsigned kHostile = 300;

const Source kSource{.version = "0.1.0", .host_id = "3f6c1d0e", .host_name = "ws-17"};

audit::SessionOpen at(const std::string& destination) {
  audit::SessionOpen open = sample_session();
  open.destination = destination;
  open.server_name.clear();
  return open;
}

std::vector<std::vector<audit::Body>> real() {
  return {model_call(),
          mcp_call("mcp/tools_call_request.json", "mcp/tools_call_result.json"),
          mcp_call("mcp/tools_call_request.json", "mcp/error.json"),
          mcp_call("mcp/tools_call_request.json", "mcp/stream.sse", "text/event-stream"),
          blocked_call(),
          {sample_session(), sample_head("generic", "/a?b=c"), sample_close()},
          {at("[2001:db8::7]:443"), sample_head("generic", "/"), sample_close()},
          {at("203.0.113.7:8443"), sample_head("generic", "/"), sample_close()}};
}

std::vector<std::vector<audit::Body>> exchanges() {
  std::vector<std::vector<audit::Body>> out = real();
  for (unsigned seed = 0; seed < kHostile; ++seed) out.push_back(Hostile(seed).exchange());
  return out;
}

std::vector<audit::Parsed> records() {
  std::vector<audit::Parsed> out;
  for (audit::Record& record : audit::sample_records())
    out.push_back(as_read(std::move(record), out.size() + 1));
  Hostile hostile(1);
  for (unsigned i = 0; i < kHostile; ++i) {
    audit::Body body = hostile.body();
    const bool of_session = std::holds_alternative<audit::SessionOpen>(body) ||
                            std::holds_alternative<audit::SessionClose>(body) ||
                            std::holds_alternative<audit::ConfigChange>(body) ||
                            std::holds_alternative<audit::Checkpoint>(body) ||
                            std::holds_alternative<audit::CheckpointKey>(body) ||
                            std::holds_alternative<audit::OriginalKey>(body) ||
                            std::holds_alternative<audit::Retention>(body);
    out.push_back(as_read(audit::sample(std::move(body), of_session ? 0 : 1), out.size() + 1));
  }
  return out;
}

class Folder {
 public:
  explicit Folder(std::filesystem::path path) : path_(std::move(path)) {}
  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream file(path_ / name, std::ios::binary);
    file << bytes;
    if (!file.flush()) throw std::runtime_error("cannot write " + name);
  }

 private:
  std::filesystem::path path_;
};

std::string request_of(const Event& event) {
  OtlpRequest request(kSource);
  if (request.add(event) != OtlpRequest::Added::Yes) throw std::runtime_error("does not fit");
  return request.finish();
}

// One event with everything that protocol buffers know, for the comparison letter by letter; then
// all others, in requests as they would be sent.
void write_otlp(const Folder& folder) {
  Event event{.time_ns = 1'795'456'800'123'456'789U,
              .severity = Severity::Warn,
              .name = "veilwire.test",
              .attributes = Value::map(),
              .body = {}};
  event.attributes.add("text", Value::text("a\n\xc3\xa9"))
      .add("yes", Value::boolean(true))
      .add("no", Value::boolean(false))
      .add("zero", Value::integer(0))
      .add("minus", Value::integer(-1))
      .add("most", Value::number(UINT64_MAX))
      .add("real", Value::real(0.5))
      .add("bytes", Value::content("\xff"))
      .add("nothing", Value())
      .add("empty", Value::content(""))
      .add("list", Value::list({Value::integer(1), Value::list()}));
  Value map = Value::map();
  map.add("key", Value::text("value")).add("inner", Value::map());
  event.body = std::move(map);
  folder.write("otlp-one.bin", request_of(event));

  std::string expected;
  std::size_t requests = 0;
  OtlpRequest request(kSource, 1024 * 1024);
  const auto send = [&] {
    const std::string name = "otlp-" + std::to_string(requests++) + ".bin";
    expected += name + " " + std::to_string(request.events()) + "\n";
    folder.write(name, request.finish());
  };
  const auto add = [&](const std::optional<Event>& next) {
    if (!next) return;
    if (request.add(*next) == OtlpRequest::Added::Yes) return;
    send();
    if (request.add(*next) != OtlpRequest::Added::Yes) throw std::runtime_error("does not fit");
  };
  for (const Level level : kLevels) {
    for (auto& bodies : exchanges()) add(event_of(as_exchange(std::move(bodies)), level));
    for (const audit::Parsed& record : records()) add(event_of(record, level));
  }
  send();
  folder.write("otlp.txt", expected);
}

void write_ocsf(const Folder& folder) {
  for (const Level level : kLevels) {
    std::string lines;
    const auto add = [&](const std::vector<std::string>& more) {
      for (const std::string& line : more) lines += line;
    };
    for (auto& bodies : exchanges())
      add(ocsf_lines(as_exchange(std::move(bodies)), kSource, level));
    for (const audit::Parsed& record : records()) add(ocsf_lines(record, kSource, level));
    folder.write("ocsf-" + std::string(to_string(level)) + ".jsonl", lines);
  }
}

// What the conventions have JSON schemas for.
void write_messages(const Folder& folder) {
  constexpr std::string_view kNames[] = {otel::kInputMessages, otel::kOutputMessages,
                                         otel::kSystemInstructions};
  std::vector<std::vector<audit::Body>> all = exchanges();
  for (const auto& file : std::filesystem::directory_iterator(
           std::filesystem::path(VEILWIRE_SOURCE_DIR) / "tests/golden/anthropic")) {
    audit::RequestHead head = sample_head("anthropic", "/v1/messages");
    head.model = "m";
    all.push_back(
        {head,
         audit::ResponseHead{.status = 200, .fields = {{"content-type", "text/event-stream"}}},
         audit::ResponseFragment{.offset = 0,
                                 .content = golden("anthropic/" + file.path().filename().string()),
                                 .masks = {}}});
  }
  std::string lines;
  for (auto& bodies : all) {
    const auto event = event_of(as_exchange(std::move(bodies)), Level::Masked);
    Value line = Value::map();
    for (const std::string_view name : kNames) {
      if (const Value& messages = member(event->attributes, name); !is_null(messages))
        line.add(name, messages);
    }
    if (!line.empty()) lines += to_json(line) + '\n';
  }
  folder.write("messages.jsonl", lines);
}

void write_har(const Folder& folder) {
  for (const Level level : {Level::Masked, Level::Metadata}) {
    std::string har = har_begin(kSource);
    bool first = true;
    for (auto& bodies : exchanges()) {
      const auto entry = har_entry(as_exchange(std::move(bodies)), level);
      if (!entry) continue;
      if (!std::exchange(first, false)) har += ',';
      har += *entry;
    }
    folder.write(std::string(to_string(level)) + ".har", har + har_end());
  }
}

void write_lines(const Folder& folder) {
  std::string messages;
  const auto add = [&](const std::optional<std::string>& message) {
    if (message) messages += std::to_string(message->size()) + ' ' + *message;
  };
  for (const Level level : kLevels) {
    std::string lines;
    for (auto& bodies : exchanges()) {
      const Exchange exchange = as_exchange(std::move(bodies));
      lines += jsonl(exchange, level).value_or("");
      add(syslog_message(exchange, kSource, level));
    }
    for (const audit::Parsed& record : records()) {
      lines += jsonl(audit::canonical(record.record, record.writer, record.seq), record, level)
                   .value_or("");
      add(syslog_message(record, kSource, level));
    }
    folder.write(std::string(to_string(level)) + ".jsonl", lines);
  }
  folder.write("syslog.txt", messages);
}

}  // namespace
}  // namespace veilwire::projection

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: generate FOLDER\n", stderr);
    return 2;
  }
  try {
    const veilwire::projection::Folder folder(argv[1]);
    veilwire::projection::write_otlp(folder);
    veilwire::projection::write_ocsf(folder);
    veilwire::projection::write_har(folder);
    veilwire::projection::write_messages(folder);
    veilwire::projection::write_lines(folder);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "generate: %s\n", error.what());
    return 1;
  }
  return 0;
}
