// As what a body is read: by the type that it is given, or, where clients read it as something else
// than that says, by its looks.
//
// The SDK of the Messages API does not ask for the type of a stream, and both it and MCP's find
// "application/json" anywhere in the value: an answer that is named otherwise must not be inspected
// as less than it is shown as. Tested by tests/unit/flow/body_type_test.cpp.
#pragma once

#include "userspace/policy/policy.h"
#include "userspace/wire/http.h"
#include "userspace/wire/json_scanner.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::flow {

// What is known without a look at the body.
struct BodyType {
  std::string media_type;       // for make_body_editor()
  bool look = false;            // ask BodyLook what it is
  std::string_view fault = {};  // not empty: recipients would read it as two things
};
// stream_asked: the client will read events whatever it is told.
BodyType body_type(const wire::FieldSection& head, policy::Service service, bool stream_asked);

// Takes the beginning of a body, decoded, until it is clear what it is.
class BodyLook {
 public:
  BodyLook(policy::Service service, std::string_view media_type);

  // A media type for make_body_editor(), application/octet-stream where it is no text; nullopt: not
  // clear yet. JSON is clear at its end only: much that is text begins like it.
  std::optional<std::string_view> feed(std::string_view bytes);
  // It has ended.
  std::string_view finish();
  // No more of it can be held.
  std::string_view give_up() const;

 private:
  enum class Like { Unknown, Json, Events, Text };

  void look_at_start();
  void read_json(std::string_view bytes);
  std::string_view text() const;

  bool events_;  // a server-sent stream would be read as one
  bool named_;   // it says that it is text
  Like like_ = Like::Unknown;
  std::string start_;         // of what is not white space: as much as tells something
  std::size_t checked_ = 0;   // bytes
  bool no_text_ = false;      // bytes that text does not have
  bool value_ended_ = false;  // JSON: behind its first value
  bool line_ended_ = false;   // and behind the line of that
  bool lines_ = false;        // and another one has begun
  wire::JsonScanner scanner_{{.utf8 = wire::Utf8::Any}};
  wire::Utf8Checker utf8_{wire::Utf8::Strict};
  std::vector<wire::JsonEvent> events_seen_;
};

}  // namespace veilwire::flow
