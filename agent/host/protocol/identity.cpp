#include "agent/host/protocol/identity.h"

#include "agent/host/protocol/message_bytes.h"

#include <algorithm>

namespace veilwire::host::protocol {
namespace {

constexpr std::uint32_t kMagic = 0x44495756;  // "VWID"
constexpr std::size_t kComm = 16;             // TASK_COMM_LEN
constexpr std::uint32_t kNoUid = UINT32_MAX;  // (uid_t)-1 is nobody's, in any user namespace

enum class Type : std::uint16_t { Question = 1, Known = 2, Nobody = 3, Changed = 4 };

class Writer : public MessageWriter {
 public:
  void text(std::string_view s) { MessageWriter::text<std::uint16_t>(s); }
  void head(Type type, std::uint64_t id) {
    number(kMagic);
    number(kIdentityVersion);
    number(static_cast<std::uint16_t>(type));
    number(id);
  }
  // Exactly n bytes, filled with zeros.
  void fixed(std::string_view s, std::size_t n) {
    raw(s.substr(0, n));
    raw(std::string(n - std::min(n, s.size()), '\0'));
  }
};

class Reader : public MessageReader {
 public:
  using MessageReader::MessageReader;
  std::string text() { return MessageReader::text<std::uint16_t>(kIdentityText); }
};

struct Head {
  Type type;
  std::uint64_t id;
};

Result<Head, IdentityProtocolError> read_head(Reader& reader) {
  if (reader.number<std::uint32_t>() != kMagic)
    return Unexpected{IdentityProtocolError::OtherVersion};
  if (reader.number<std::uint16_t>() != kIdentityVersion)
    return Unexpected{IdentityProtocolError::OtherVersion};
  const auto type = static_cast<Type>(reader.number<std::uint16_t>());
  const auto id = reader.number<std::uint64_t>();
  if (reader.failed()) return Unexpected{IdentityProtocolError::Malformed};
  return Head{type, id};
}

bool fits(const identity::Person& person) {
  if (person.groups.size() > kIdentityGroups) return false;
  std::size_t total = 0;
  for (const std::string* s :
       {&person.issuer, &person.subject, &person.name, &person.method, &person.running_as}) {
    if (s->size() > kIdentityText) return false;
    total += s->size();
  }
  for (const std::string& group : person.groups) {
    if (group.size() > kIdentityText) return false;
    total += group.size() + sizeof(std::uint16_t);
  }
  constexpr std::size_t kFixedParts = 64;
  return total <= kIdentityMessage - kFixedParts;
}

KnownPerson read_known(Reader& r, Monotonic now) {
  KnownPerson known;
  identity::Person& person = known.person;
  known.valid_for = std::chrono::milliseconds(r.number<std::uint32_t>());
  known.age = std::chrono::milliseconds(r.number<std::uint32_t>());
  person.standing = r.enumerator(identity::Standing::Stale);
  person.person_class = r.enumerator(identity::PersonClass::Ci);
  person.issuer = r.text();
  person.subject = r.text();
  person.name = r.text();
  person.method = r.text();
  person.running_as = r.text();
  if (const auto uid = r.number<std::uint32_t>(); uid != kNoUid) person.inside_uid = uid;
  const std::size_t groups = r.number<std::uint16_t>();
  if (groups > kIdentityGroups) r.fail();
  for (std::size_t i = 0; i < groups && !r.failed(); ++i) person.groups.push_back(r.text());
  // A person without an issuer or a subject would be nobody's and anybody's.
  if (known.valid_for > kIdentityLongestValidity || known.age > kIdentityOldestWord ||
      person.issuer.empty() || person.subject.empty())
    r.fail();
  person.valid_until = now + known.valid_for;
  person.confirmed_at = now + -known.age;
  return known;
}

IdentityChanged read_changed(Reader& r) {
  IdentityChanged changed;
  if (r.boolean()) return changed;
  const std::size_t count = r.number<std::uint16_t>();
  if (count > kIdentityChanges) r.fail();
  changed.bindings.emplace();
  for (std::size_t i = 0; i < count && !r.failed(); ++i) {
    identity::Binding binding;
    binding.kind = r.enumerator(identity::BindingKind::Job);
    binding.uid = r.number<std::uint32_t>();
    binding.loginuid = r.number<std::uint32_t>();
    binding.audit_session = r.number<std::uint32_t>();
    binding.cgroup_id = r.number<std::uint64_t>();
    changed.bindings->push_back(binding);
  }
  return changed;
}

}  // namespace

std::string encode(const IdentityQuestion& question) {
  const identity::Peer& peer = question.peer;
  Writer w;
  w.head(Type::Question, question.id);
  w.number(peer.uid);
  w.number(peer.gid);
  w.number(peer.loginuid);
  w.number(peer.audit_session);
  w.number(peer.tgid);
  w.number(peer.start_boottime_ns);
  w.number(peer.cgroup_id);
  w.number(peer.netns_cookie);
  w.number(peer.exe_device);
  w.number(peer.exe_inode);
  w.number(peer.exe_generation);
  w.fixed(peer.comm, kComm);
  w.boolean(question.at_once);
  return std::move(w).take();
}

Result<IdentityQuestion, IdentityProtocolError> decode_identity_question(std::string_view message) {
  Reader r(message);
  const auto head = read_head(r);
  if (!head) return Unexpected{head.error()};
  if (head->type != Type::Question) return Unexpected{IdentityProtocolError::Malformed};
  IdentityQuestion question;
  question.id = head->id;
  identity::Peer& peer = question.peer;
  peer.uid = r.number<std::uint32_t>();
  peer.gid = r.number<std::uint32_t>();
  peer.loginuid = r.number<std::uint32_t>();
  peer.audit_session = r.number<std::uint32_t>();
  peer.tgid = r.number<std::uint32_t>();
  peer.start_boottime_ns = r.number<std::uint64_t>();
  peer.cgroup_id = r.number<std::uint64_t>();
  peer.netns_cookie = r.number<std::uint64_t>();
  peer.exe_device = r.number<std::uint32_t>();
  peer.exe_inode = r.number<std::uint64_t>();
  peer.exe_generation = r.number<std::uint32_t>();
  const std::string_view comm = r.raw(kComm);
  peer.comm = comm.substr(0, comm.find('\0'));
  question.at_once = r.boolean();
  if (!r.at_end()) return Unexpected{IdentityProtocolError::Malformed};
  return question;
}

Result<std::string, IdentityProtocolError> encode(const IdentityAnswer& answer) {
  Writer w;
  if (const auto* nobody = std::get_if<NobodyKnown>(&answer.who)) {
    w.head(Type::Nobody, answer.id);
    w.boolean(nobody->sign_in);
    w.text(std::string_view(nobody->reason).substr(0, kIdentityText));
    return std::move(w).take();
  }
  const auto& known = std::get<KnownPerson>(answer.who);
  const identity::Person& person = known.person;
  if (!fits(person) || !stands(person.standing) || known.valid_for < known.valid_for.zero() ||
      known.valid_for > kIdentityLongestValidity)
    return Unexpected{IdentityProtocolError::TooLarge};
  const auto age =
      std::clamp<std::chrono::milliseconds>(known.age, known.age.zero(), kIdentityOldestWord);
  w.head(Type::Known, answer.id);
  w.number(static_cast<std::uint32_t>(known.valid_for.count()));
  w.number(static_cast<std::uint32_t>(age.count()));
  w.number(static_cast<std::uint8_t>(person.standing));
  w.number(static_cast<std::uint8_t>(person.person_class));
  w.text(person.issuer);
  w.text(person.subject);
  w.text(person.name);
  w.text(person.method);
  w.text(person.running_as);
  w.number(person.inside_uid.value_or(kNoUid));
  w.number(static_cast<std::uint16_t>(person.groups.size()));
  for (const std::string& group : person.groups) w.text(group);
  return std::move(w).take();
}

std::string encode(const IdentityChanged& changed) {
  Writer w;
  w.head(Type::Changed, 0);
  const bool everything = !changed.bindings || changed.bindings->size() > kIdentityChanges;
  w.boolean(everything);
  if (everything) return std::move(w).take();
  w.number(static_cast<std::uint16_t>(changed.bindings->size()));
  for (const identity::Binding& binding : *changed.bindings) {
    w.number(static_cast<std::uint8_t>(binding.kind));
    w.number(binding.uid);
    w.number(binding.loginuid);
    w.number(binding.audit_session);
    w.number(binding.cgroup_id);
  }
  return std::move(w).take();
}

Result<IdentityWord, IdentityProtocolError> decode_identity_word(std::string_view message,
                                                                 Monotonic now) {
  if (message.size() > kIdentityMessage) return Unexpected{IdentityProtocolError::Malformed};
  Reader r(message);
  const auto head = read_head(r);
  if (!head) return Unexpected{head.error()};
  IdentityWord word;
  switch (head->type) {
    case Type::Known:
      word = IdentityAnswer{head->id, read_known(r, now)};
      break;
    case Type::Nobody: {
      const bool sign_in = r.boolean();
      word = IdentityAnswer{head->id, NobodyKnown{r.text(), sign_in}};
      break;
    }
    case Type::Changed:
      if (head->id != 0) r.fail();
      word = read_changed(r);
      break;
    default:
      r.fail();
  }
  if (!r.at_end()) return Unexpected{IdentityProtocolError::Malformed};
  return word;
}

}  // namespace veilwire::host::protocol
