#include "agent/host/protocol/people.h"

#include "userspace/identity/strict_json.h"

#include <algorithm>
#include <iterator>

namespace veilwire::host::protocol {
namespace {

using identity::JsonValue;
using AskWhat = PeopleAsk::What;
using AnswerWhat = PeopleAnswer::What;

// In the order of the enumerators.
constexpr std::string_view kAsks[] = {"whoami", "login",  "callback", "response", "login_device",
                                      "logout", "attach", "sessions", "revoke"};
constexpr std::string_view kAnswers[] = {"session", "nobody",  "address", "device",
                                         "done",    "refused", "again"};
// Of texts beside the groups; longer ones are cut.
constexpr std::size_t kText = 8 * 1024;

template <class E, std::size_t N>
std::optional<E> named(const std::string_view (&names)[N], const std::string* name) {
  if (name == nullptr) return std::nullopt;
  const auto at = std::find(std::begin(names), std::end(names), *name);
  if (at == std::end(names)) return std::nullopt;
  return static_cast<E>(at - std::begin(names));
}

// Written into something that is wiped, as an ask holds a code or a token.
class Writer {
 public:
  Writer() { out_.append("{\"veilwire\":").append(std::to_string(kPeopleVersion)); }
  Writer& text(std::string_view name, std::string_view value) {
    this->name(name);
    quote(value);
    return *this;
  }
  Writer& number(std::string_view name, std::int64_t value) {
    this->name(name);
    out_.append(std::to_string(value));
    return *this;
  }
  Writer& boolean(std::string_view name, bool value) {
    this->name(name);
    out_.append(value ? "true" : "false");
    return *this;
  }
  Writer& texts(std::string_view name, const std::vector<std::string>& values) {
    this->name(name);
    std::string_view between = "[";
    for (const std::string& value : values) {
      out_.append(between);
      quote(value);
      between = ",";
    }
    out_.append(values.empty() ? "[]" : "]");
    return *this;
  }
  Secret take() {
    out_.append("}");
    return out_.take();
  }

 private:
  void name(std::string_view name) { out_.append(",\"").append(name).append("\":"); }
  void quote(std::string_view value) {
    constexpr std::string_view kHex = "0123456789abcdef";
    out_.append("\"");
    while (!value.empty()) {
      const auto end = std::find_if(value.begin(), value.end(), [](unsigned char c) {
        return c < 0x20 || c == '"' || c == '\\';
      });
      const auto plain = static_cast<std::size_t>(end - value.begin());
      out_.append(value.substr(0, plain));
      value.remove_prefix(plain);
      if (value.empty()) break;
      const auto c = static_cast<unsigned char>(value.front());
      const char escaped[] = {'\\', 'u', '0', '0', kHex[c >> 4U], kHex[c & 15U]};
      out_.append({escaped, sizeof escaped});
      value.remove_prefix(1);
    }
    out_.append("\"");
  }

  SecretBuilder out_;
};

// At a place where UTF-8 may be cut.
std::string_view cut(std::string_view text) {
  if (text.size() <= kText) return text;
  std::size_t end = kText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  return text.substr(0, end);
}

Secret write(const PeopleAnswer& answer, bool with_groups) {
  Writer out;
  out.text("what", kAnswers[static_cast<std::size_t>(answer.what)]);
  if (!answer.text.empty()) out.text("text", cut(answer.text));
  if (!answer.code.empty()) out.text("code", cut(answer.code));
  if (!answer.complete.empty()) out.text("complete", cut(answer.complete));
  if (!answer.callback.empty()) out.text("callback", cut(answer.callback));
  if (answer.count != 0) out.number("count", answer.count);
  if (!answer.session) {
    if (answer.expires.count() != 0) out.number("expires", answer.expires.count());
    return out.take();
  }
  const PeopleSession& s = *answer.session;
  out.text("issuer", cut(s.issuer)).text("subject", cut(s.subject)).text("name", cut(s.name));
  out.texts("groups", with_groups ? s.groups : std::vector<std::string>());
  if (s.groups_cut || !with_groups) out.boolean("groups_cut", true);
  out.text("class", s.person_class).text("method", s.method).text("binding", s.binding);
  out.text("standing", s.standing).number("age", s.age.count());
  out.number("expires", s.expires.count());
  return out.take();
}

Result<JsonValue, PeopleProtocolError> read(std::string_view message, std::size_t most) {
  auto object = identity::read_json_object(message, most);
  if (!object) return Unexpected{PeopleProtocolError::Malformed};
  if (object->integer_at("veilwire") != kPeopleVersion)
    return Unexpected{PeopleProtocolError::OtherVersion};
  return *std::move(object);
}

std::string text_of(const JsonValue& object, std::string_view name) {
  const std::string* const text = object.text_at(name);
  return text == nullptr ? "" : *text;
}

std::chrono::seconds seconds_of(const JsonValue& object, std::string_view name) {
  return std::chrono::seconds(
      std::clamp<std::int64_t>(object.integer_at(name).value_or(0), 0, INT32_MAX));
}

}  // namespace

Secret encode(const PeopleAsk& ask) {
  Writer out;
  out.text("ask", kAsks[static_cast<std::size_t>(ask.what)]);
  if (ask.port != 0) out.number("port", ask.port);
  if (!ask.text.empty()) out.text("text", ask.text.reveal());
  if (!ask.relay_state.empty()) out.text("relay_state", ask.relay_state);
  return out.take();
}

Result<PeopleAsk, PeopleProtocolError> decode_people_ask(std::string_view message) {
  auto object = read(message, kPeopleAsk);
  if (!object) return Unexpected{object.error()};
  const auto what = named<AskWhat>(kAsks, object->text_at("ask"));
  const std::int64_t port = object->integer_at("port").value_or(0);
  if (!what || port < 0 || port > UINT16_MAX) return Unexpected{PeopleProtocolError::Malformed};
  PeopleAsk ask{.what = *what, .port = static_cast<std::uint16_t>(port)};
  for (identity::JsonMember& member : object->members)
    if (member.name == "text" && member.value.kind == JsonValue::Kind::String)
      ask.text = Secret(std::move(member.value.text));
  ask.relay_state = text_of(*object, "relay_state");
  const bool is_response = *what == AskWhat::Response;
  const bool needs_text = is_response || *what == AskWhat::Callback || *what == AskWhat::Attach ||
                          *what == AskWhat::Revoke;
  if (needs_text == ask.text.empty() || is_response == ask.relay_state.empty() ||
      (*what == AskWhat::Login) == (port == 0))
    return Unexpected{PeopleProtocolError::Malformed};
  return ask;
}

std::string encode(const PeopleAnswer& answer) {
  Secret whole = write(answer, true);
  if (whole.reveal().size() > kPeopleAnswer) whole = write(answer, false);
  return std::string(whole.reveal());
}

Result<PeopleAnswer, PeopleProtocolError> decode_people_answer(std::string_view message) {
  const auto object = read(message, kPeopleAnswer);
  if (!object) return Unexpected{object.error()};
  const auto what = named<AnswerWhat>(kAnswers, object->text_at("what"));
  if (!what) return Unexpected{PeopleProtocolError::Malformed};
  PeopleAnswer answer{.what = *what,
                      .text = text_of(*object, "text"),
                      .code = text_of(*object, "code"),
                      .complete = text_of(*object, "complete"),
                      .callback = text_of(*object, "callback")};
  answer.count = static_cast<std::uint32_t>(seconds_of(*object, "count").count());
  if (*what != AnswerWhat::Session) {
    answer.expires = seconds_of(*object, "expires");
    return answer;
  }
  PeopleSession session{.issuer = text_of(*object, "issuer"),
                        .subject = text_of(*object, "subject"),
                        .name = text_of(*object, "name"),
                        .groups_cut = object->boolean_at("groups_cut").value_or(false),
                        .person_class = text_of(*object, "class"),
                        .method = text_of(*object, "method"),
                        .binding = text_of(*object, "binding"),
                        .standing = text_of(*object, "standing"),
                        .age = seconds_of(*object, "age"),
                        .expires = seconds_of(*object, "expires")};
  if (const JsonValue* groups = object->find("groups"))
    for (const JsonValue& group : groups->elements)
      if (group.kind == JsonValue::Kind::String) session.groups.push_back(group.text);
  answer.session = std::move(session);
  return answer;
}

}  // namespace veilwire::host::protocol
