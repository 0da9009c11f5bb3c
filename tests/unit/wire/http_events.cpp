#include "tests/unit/wire/http_events.h"

#include <variant>

namespace veilwire::wire {
namespace {

std::string fields_of(const FieldSection& section) {
  std::string text;
  for (const Field& field : section.fields) {
    text += " [" + std::string(section.name(field)) + "=" + std::string(section.value(field)) + "]";
  }
  return text;
}

// Feeds all pieces; what a reader leaves at a message's end is fed again, as its contract says.
template <class Reader>
std::string run(Reader& reader, const testing::Pieces& pieces) {
  EventLog log;
  for (std::string_view piece : pieces) {
    while (true) {
      std::vector<HttpEvent> events;
      const std::size_t taken = reader.feed(piece, events);
      log.add(events);
      piece.remove_prefix(taken);
      if (piece.empty() || events.empty() || reader.failed()) break;
      if (!std::holds_alternative<MessageEnd>(events.back())) break;
    }
    if (reader.failed()) break;
  }
  std::vector<HttpEvent> events;
  reader.end_of_input(events);
  log.add(events);
  return log.text();
}

}  // namespace

std::string describe(const Framing& framing) {
  switch (framing.kind) {
    case Framing::Kind::None:
      return "none";
    case Framing::Kind::Length:
      return "length " + std::to_string(framing.length);
    case Framing::Kind::Chunked:
      return "chunked";
    case Framing::Kind::UntilClose:
      return "until close";
    case Framing::Kind::Tunnel:
      return "tunnel";
  }
  return "?";
}

void EventLog::end_body() {
  if (!body_.empty()) text_ += "body '" + body_ + "'\n";
  body_.clear();
}

void EventLog::add(const HttpEvent& event) {
  if (const auto* data = std::get_if<BodyData>(&event)) {
    body_ += data->bytes;
    return;
  }
  end_body();
  if (const auto* request = std::get_if<RequestStart>(&event)) {
    text_ += "request " + std::string(request->head.method()) + " " +
             std::string(request->head.target()) + " 1." +
             std::to_string(request->head.minor_version) + fields_of(request->head) + " " +
             describe(request->framing) + "\n";
  } else if (const auto* response = std::get_if<ResponseStart>(&event)) {
    text_ += std::string(response->interim ? "interim " : "response ") +
             std::to_string(response->head.status) + " '" + std::string(response->head.reason()) +
             "' 1." + std::to_string(response->head.minor_version) + fields_of(response->head) +
             " " + describe(response->framing) + "\n";
  } else if (const auto* trailers = std::get_if<Trailers>(&event)) {
    text_ += "trailers" + fields_of(trailers->section) + "\n";
  } else if (const auto* end = std::get_if<MessageEnd>(&event)) {
    text_ += end->persistent ? "end, persistent\n" : "end\n";
  } else if (const auto* fault = std::get_if<HttpFault>(&event)) {
    text_ += "fault at " + std::to_string(fault->offset) + ": " +
             std::string(to_string(fault->error)) + "\n";
  }
}

void EventLog::add(const std::vector<HttpEvent>& events) {
  for (const HttpEvent& event : events) add(event);
}

std::string EventLog::text() {
  end_body();
  return text_;
}

std::string log_requests(const testing::Pieces& pieces) {
  RequestReader reader;
  return run(reader, pieces);
}

std::string log_responses(const testing::Pieces& pieces, const std::vector<Expectation>& expected) {
  ResponseReader reader;
  for (const Expectation& request : expected) EXPECT_TRUE(reader.expect(request));
  return run(reader, pieces);
}

std::string requests(std::string_view input) {
  testing::every_split(input, log_requests);
  return log_requests({input});
}

std::string responses(std::string_view input, const std::vector<Expectation>& expected) {
  testing::every_split(
      input, [&](const testing::Pieces& pieces) { return log_responses(pieces, expected); });
  return log_responses({input}, expected);
}

}  // namespace veilwire::wire
