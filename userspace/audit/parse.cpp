#include "userspace/audit/parse.h"

#include "userspace/crypto/encoding.h"

#include <charconv>
#include <limits>
#include <optional>

#include <nlohmann/json.hpp>

namespace veilwire::audit {
namespace {

using Json = nlohmann::json;

// Reads members of one object and remembers whether any was not as it should be, so that a kind's
// reader is a list of members and is judged once at its end. Never throws: types are asked first.
class Members {
 public:
  Members(const Json& object, bool& ok) : object_(object), ok_(ok) {
    if (!object_.is_object()) ok_ = false;
  }

  std::string text(const char* name) {
    if (const Json* value = find(name)) return string_of(*value);
    const std::string encoded_name = std::string(name) + "_base64";
    if (const Json* value = find(encoded_name.c_str())) return decoded(*value);
    return fail();
  }

  // A member that is there only where it says something.
  std::string text_or_none(const char* name) {
    return find(name) != nullptr ? text(name) : std::string();
  }

  std::uint64_t number(const char* name, std::uint64_t most = kLargestInteger) {
    const Json* value = find(name);
    if (value == nullptr || !value->is_number_unsigned()) return ok_ = false, 0;
    const auto n = value->get<std::uint64_t>();
    if (n > most) return ok_ = false, 0;
    return n;
  }

  std::uint64_t number_or_none(const char* name) {
    return find(name) != nullptr ? number(name) : 0;
  }

  bool flag(const char* name) {
    const Json* value = find(name);
    if (value == nullptr || !value->is_boolean()) return ok_ = false;
    return value->get<bool>();
  }

  std::uint32_t number32(const char* name) {
    return static_cast<std::uint32_t>(number(name, std::numeric_limits<std::uint32_t>::max()));
  }

  std::uint32_t number32_or_none(const char* name) {
    return find(name) != nullptr ? number32(name) : 0;
  }

  template <class Integer>
  Integer decimal(const char* name) {
    const std::string digits = text(name);
    Integer n = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
    if (error != std::errc{} || end != digits.data() + digits.size()) ok_ = false;
    return n;
  }

  const Json& array(const char* name) {
    static const Json empty = Json::array();
    const Json* value = find(name);
    if (value == nullptr || !value->is_array()) return ok_ = false, empty;
    return *value;
  }

  Members object(const char* name) {
    static const Json empty = Json::object();
    const Json* value = find(name);
    if (value == nullptr) return ok_ = false, Members(empty, ok_);
    return Members(*value, ok_);
  }

  // An element of an array: a string or {"base64": "..."}.
  std::string element(const Json& value) {
    if (value.is_string()) return string_of(value);
    const Json* encoded = nullptr;
    if (value.is_object()) {
      if (const auto it = value.find("base64"); it != value.end()) encoded = &*it;
    }
    return encoded != nullptr ? decoded(*encoded) : fail();
  }

  Fields fields(const char* name) {
    Fields out;
    for (const Json& pair : array(name)) {
      if (!pair.is_array() || pair.size() != 2) return ok_ = false, out;
      out.emplace_back(element(pair[0]), element(pair[1]));
    }
    return out;
  }

  std::vector<MaskedSpan> masks(const char* name) {
    std::vector<MaskedSpan> out;
    for (const Json& value : array(name)) {
      Members m(value, ok_);
      out.push_back({.rule = m.text("rule"),
                     .category = m.text("category"),
                     .offset = m.number("offset"),
                     .length = m.number("length"),
                     .digest = m.text("digest"),
                     .action = m.text("action"),
                     .released_length = m.number("released_length"),
                     .would = m.text_or_none("would")});
      if ((out.back().action == "observed") == out.back().would.empty()) ok_ = false;
    }
    return out;
  }

  std::vector<OriginalRecipient> recipients(const char* name) {
    std::vector<OriginalRecipient> out;
    for (const Json& value : array(name)) {
      Members m(value, ok_);
      out.push_back({.subject = m.text("subject"),
                     .issuer = m.text("issuer"),
                     .serial = m.text("serial"),
                     .fingerprint = m.text("fingerprint")});
    }
    return out;
  }

  void refuse() { ok_ = false; }

 private:
  const Json* find(const char* name) const {
    if (!object_.is_object()) return nullptr;
    const auto it = object_.find(name);
    return it == object_.end() ? nullptr : &*it;
  }
  std::string string_of(const Json& value) {
    return value.is_string() ? value.get_ref<const std::string&>() : fail();
  }
  std::string decoded(const Json& value) {
    if (!value.is_string()) return fail();
    std::optional<std::string> bytes = crypto::base64_decode(value.get_ref<const std::string&>());
    return bytes ? *std::move(bytes) : fail();
  }
  std::string fail() { return ok_ = false, std::string(); }

  const Json& object_;
  bool& ok_;
};

identity::Peer read_peer(Members m) {
  return {.uid = m.number32("uid"),
          .gid = m.number32("gid"),
          .loginuid = m.number32("loginuid"),
          .audit_session = m.number32("audit_session"),
          .tgid = m.number32("tgid"),
          .start_boottime_ns = m.decimal<std::uint64_t>("start_boottime_ns"),
          .cgroup_id = m.decimal<std::uint64_t>("cgroup_id"),
          .netns_cookie = m.decimal<std::uint64_t>("netns_cookie"),
          .exe_device = m.number32("exe_device"),
          .exe_inode = m.decimal<std::uint64_t>("exe_inode"),
          .exe_generation = m.number32("exe_generation"),
          .comm = m.text("comm"),
          .kernel_tgid = m.number32_or_none("kernel_tgid")};
}

// What the members of a record depend on besides.
struct Around {
  std::uint64_t version = 0;
  Monotonic time;
};

identity::Person read_person(Members m, const Around& around) {
  identity::Person person;
  person.issuer = m.text("issuer");
  person.subject = m.text("subject");
  person.name = m.text("name");
  person.method = m.text("method");
  for (const Json& group : m.array("groups")) person.groups.push_back(m.element(group));
  const std::string spelled = m.text("class");
  if (spelled == "human") {
    person.person_class = identity::PersonClass::Human;
  } else if (spelled == "derived") {
    person.person_class = identity::PersonClass::Derived;
  } else if (spelled == "service") {
    person.person_class = identity::PersonClass::Service;
  } else if (spelled == "ci") {
    person.person_class = identity::PersonClass::Ci;
  } else {
    m.refuse();
  }
  person.confirmed_at = around.time;
  if (around.version < 2) return person;
  constexpr auto kMostMilliseconds =
      static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / 1'000'000;
  const auto age = static_cast<std::int64_t>(m.number("age_ms", kMostMilliseconds));
  person.confirmed_at = around.time + -std::chrono::milliseconds(age);
  if (!m.text("inside_uid").empty()) person.inside_uid = m.decimal<std::uint32_t>("inside_uid");
  person.running_as = m.text("running_as");
  const std::string standing = m.text("standing");
  if (standing == "cached")
    person.standing = identity::Standing::Cached;
  else if (standing == "stale")
    person.standing = identity::Standing::Stale;
  else if (standing != "fresh")
    m.refuse();
  return person;
}

std::optional<Body> read_body(std::string_view kind, const Around& around, Members m) {
  if (kind == "session.open") {
    return SessionOpen{.peer = read_peer(m.object("peer")),
                       .destination = m.text("destination"),
                       .server_name = m.text("server_name"),
                       .handling = m.text("handling"),
                       .tls = m.text("tls")};
  }
  if (kind == "request.head") {
    return RequestHead{.person = read_person(m.object("person"), around),
                       .service = m.text("service"),
                       .method = m.text("method"),
                       .target = m.text("target"),
                       .fields = m.fields("fields"),
                       .model = m.text("model"),
                       .mcp_method = m.text("mcp_method"),
                       .tool = m.text("tool"),
                       .policy_digest = m.text("policy_digest"),
                       .credential = m.text_or_none("credential"),
                       .mode = m.text_or_none("mode")};
  }
  if (kind == "request.body") {
    return RequestBody{
        .offset = m.number("offset"), .content = m.text("content"), .masks = m.masks("masks")};
  }
  if (kind == "identity.change") {
    return IdentityChange{.what = m.text("what"),
                          .reason = m.text("reason"),
                          .answer = m.text("answer"),
                          .person = read_person(m.object("person"), around)};
  }
  if (kind == "response.head") {
    return ResponseHead{.status = static_cast<int>(m.number("status", 999)),
                        .fields = m.fields("fields")};
  }
  if (kind == "response.fragment") {
    return ResponseFragment{
        .offset = m.number("offset"), .content = m.text("content"), .masks = m.masks("masks")};
  }
  if (kind == "block") {
    return Blocked{.direction = m.text("direction"),
                   .rule = m.text("rule"),
                   .category = m.text("category"),
                   .digest = m.text("digest"),
                   .answer = m.text("answer")};
  }
  if (kind == "upstream.error") return UpstreamError{.reason = m.text("reason")};
  if (kind == "gap") {
    return Gap{.reason = m.text("reason"),
               .detail = m.text("detail"),
               .action = m.text("action"),
               .bytes = m.number("bytes"),
               .would = m.text_or_none("would")};
  }
  if (kind == "exchange.close") {
    return ExchangeClose{.outcome = m.text("outcome"),
                         .request_bytes = m.number("request_bytes"),
                         .response_bytes = m.number("response_bytes"),
                         .masked = m.number("masked"),
                         .observed = m.number_or_none("observed")};
  }
  if (kind == "observed") {
    return Observed{.direction = m.text("direction"),
                    .outcome = m.text("outcome"),
                    .rule = m.text("rule"),
                    .category = m.text("category"),
                    .digest = m.text("digest"),
                    .reason = m.text("reason"),
                    .answer = m.text("answer")};
  }
  if (kind == "session.close") {
    return SessionClose{.reason = m.text("reason"),
                        .from_client = m.number("from_client"),
                        .from_upstream = m.number("from_upstream")};
  }
  if (kind == "config.change") {
    return ConfigChange{.what = m.text("what"),
                        .file = m.text("file"),
                        .digest = m.text("digest"),
                        .outcome = m.text("outcome"),
                        .mode = m.text_or_none("mode")};
  }
  if (kind == "checkpoint") return Checkpoint{.note = m.text("note")};
  if (kind == "checkpoint.key")
    return CheckpointKey{.verifier = m.text("verifier"), .note = m.text("note")};
  if (kind == "retention") {
    return Retention{
        .through = m.number("through"), .records = m.number("records"), .root = m.text("root")};
  }
  if (kind == "original.key") {
    return OriginalKey{
        .key_id = m.text("key_id"), .recipients = m.recipients("recipients"), .cms = m.text("cms")};
  }
  if (kind == "original.chunk") {
    return OriginalChunk{.direction = m.text("direction"),
                         .key_id = m.text("key_id"),
                         .head = m.text("head"),
                         .index = m.number("index"),
                         .last = m.flag("last"),
                         .content = m.text("content")};
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(ParseError error) {
  switch (error) {
    case ParseError::TooLarge:
      return "too large";
    case ParseError::NotJson:
      return "not a JSON object";
    case ParseError::WrongVersion:
      return "of an unknown version";
    case ParseError::UnknownKind:
      return "of an unknown kind";
    case ParseError::WrongMember:
      return "missing or wrong in a member";
  }
  return "unknown";
}

Result<Parsed, ParseError> parse_record(std::string_view json) {
  if (json.size() > kRecordBytes) return Unexpected{ParseError::TooLarge};
  const Json object = Json::parse(json.begin(), json.end(), nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return Unexpected{ParseError::NotJson};

  bool ok = true;
  Members m(object, ok);
  const std::uint64_t version = m.number("v");
  if (version < kOldestRecordVersion || version > kRecordVersion)
    return Unexpected{ParseError::WrongVersion};
  const std::string kind = m.text("kind");
  if (!ok) return Unexpected{ParseError::WrongMember};
  // Beyond these bounds nanoseconds since the epoch or the boot do not fit their type.
  constexpr std::uint64_t kMostMicroseconds =
      static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / 1000;
  const auto mono = static_cast<std::int64_t>(m.number("t_mono_us", kMostMicroseconds));
  const Monotonic time{std::chrono::microseconds(mono)};
  std::optional<Body> body = read_body(kind, {version, time}, m);
  if (!body) return Unexpected{ParseError::UnknownKind};

  Parsed parsed{
      .record = {.context = {.host = m.text("host"),
                             .boot = m.text("boot"),
                             .session = m.text("session"),
                             .exchange = m.number("exchange")},
                 .time = {.mono = time,
                          .wall = {std::chrono::nanoseconds(m.decimal<std::int64_t>("t_wall_ns"))}},
                 .body = *std::move(body)},
      .writer = m.text("writer"),
      .seq = m.number("seq")};
  if (!ok) return Unexpected{ParseError::WrongMember};
  return parsed;
}

}  // namespace veilwire::audit
