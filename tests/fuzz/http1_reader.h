// What the two HTTP/1 fuzz targets share: the reader must say the same of its input whole and in
// two pieces, must take no more than it was given, and heads and body must be bytes of the input in
// their order.
#pragma once

#include "userspace/wire/http1.h"

#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace veilwire::wire {

struct Heard {
  std::string log;
  std::string body;  // of the message that is being read

  void end_body() {
    if (!body.empty()) log += "body " + body + "\n";
    body.clear();
  }
  void add(const HttpEvent& event) {
    if (const auto* data = std::get_if<BodyData>(&event)) {
      if (data->bytes.empty()) std::abort();
      body += data->bytes;
      return;
    }
    end_body();
    if (const auto* request = std::get_if<RequestStart>(&event)) {
      // What has been accepted is accepted again, and says the same.
      const auto again = parse_request_head(request->head.raw);
      if (!again || again->fields != request->head.fields) std::abort();
      log += "request " + request->head.raw +
             std::to_string(static_cast<int>(request->framing.kind)) + "\n";
    } else if (const auto* response = std::get_if<ResponseStart>(&event)) {
      const auto again = parse_response_head(response->head.raw);
      if (!again || again->fields != response->head.fields) std::abort();
      log += "response " + response->head.raw +
             std::to_string(static_cast<int>(response->framing.kind)) + "\n";
    } else if (const auto* trailers = std::get_if<Trailers>(&event)) {
      log += "trailers " + trailers->section.raw + "\n";
    } else if (const auto* end = std::get_if<MessageEnd>(&event)) {
      log += end->persistent ? "end, persistent\n" : "end\n";
    } else if (const auto* fault = std::get_if<HttpFault>(&event)) {
      log += std::to_string(fault->offset) + " " + std::string(to_string(fault->error)) + "\n";
    }
  }
};

template <class Reader>
std::string hear(Reader reader, const std::vector<std::string_view>& pieces) {
  Heard heard;
  std::vector<HttpEvent> events;
  const auto flush = [&] {
    for (const HttpEvent& event : events) heard.add(event);
    events.clear();
  };
  for (std::string_view piece : pieces) {
    while (!piece.empty() && !reader.failed()) {
      const std::size_t taken = reader.feed(piece, events);
      if (taken > piece.size()) std::abort();
      const bool ended = !events.empty() && std::holds_alternative<MessageEnd>(events.back());
      flush();
      piece.remove_prefix(taken);
      if (!ended) break;
    }
  }
  if (!reader.failed()) reader.end_of_input(events);
  flush();
  heard.end_body();
  return heard.log;
}

// The last byte says where the input is cut.
template <class Reader>
void check_cut(const Reader& reader, std::string_view input) {
  const std::size_t at =
      input.empty() ? 0 : static_cast<unsigned char>(input.back()) * input.size() / 256;
  if (hear(reader, {input}) != hear(reader, {input.substr(0, at), input.substr(at)})) std::abort();
}

}  // namespace veilwire::wire
