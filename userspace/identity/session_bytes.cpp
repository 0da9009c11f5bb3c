#include "userspace/identity/session_bytes.h"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

namespace veilwire::identity {
namespace {

constexpr std::string_view kMagic = "veilwire sessions 1\n";
// A little above the bounds on what the table holds, for what frames it.
constexpr std::size_t kMostBytes =
    limits::kSessionsBytes + limits::kRevocations * (2 * limits::kTokenText + 32) + 256;
// 142 years of uptime: beyond, sums of times overflow.
constexpr std::chrono::nanoseconds kLatestMono = kLatestTime.since_epoch / 2;

class Writer {
 public:
  explicit Writer(std::size_t about) { bytes_.reserve(about); }

  // Little endian, whatever the host.
  template <class T>
  void number(T value) {
    static_assert(std::is_unsigned_v<T>);
    std::array<char, sizeof value> bytes{};
    for (std::size_t n = 0; n < bytes.size(); ++n)
      bytes[n] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * n));
    bytes_.append(bytes.data(), bytes.size());
  }
  template <class E>
  void enumerator(E value) {
    number(static_cast<std::uint8_t>(value));
  }
  void text(std::string_view s) {
    number(static_cast<std::uint32_t>(s.size()));
    bytes_ += s;
  }
  void raw(std::string_view s) { bytes_ += s; }
  void time(Monotonic t) { nanoseconds(t.since_start); }
  void time(WallTime t) { nanoseconds(t.since_epoch); }
  void time(Now t) {
    time(t.mono);
    time(t.wall);
  }
  std::string take() && { return std::move(bytes_); }

 private:
  void nanoseconds(std::chrono::nanoseconds t) { number(static_cast<std::uint64_t>(t.count())); }
  std::string bytes_;
};

// Reads what the writer wrote; anything else leaves it failed, and every later read then gives
// nothing.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  T number() {
    std::uint64_t value = 0;
    std::size_t shift = 0;
    for (const char c : take(sizeof(T))) {
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(c)) << shift;
      shift += 8;
    }
    return static_cast<T>(value);
  }
  template <class E>
  E enumerator(E last) {
    const auto value = number<std::uint8_t>();
    if (value > static_cast<std::uint8_t>(last)) failed_ = true;
    return failed_ ? E{} : static_cast<E>(value);
  }
  bool boolean() {
    const auto value = number<std::uint8_t>();
    if (value > 1) failed_ = true;
    return value == 1;
  }
  std::string text() {
    const std::size_t length = number<std::uint32_t>();
    return std::string(take(length));
  }
  std::string_view take(std::size_t n) {
    if (failed_ || n > rest_.size()) {
      failed_ = true;
      return {};
    }
    const std::string_view taken = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return taken;
  }
  Monotonic monotonic() { return {nanoseconds(kLatestMono)}; }
  WallTime wall() { return {nanoseconds(kLatestTime.since_epoch)}; }
  Now both() {
    const Monotonic mono = monotonic();
    return {mono, wall()};
  }
  bool failed() const { return failed_; }
  bool at_end() const { return !failed_ && rest_.empty(); }

 private:
  std::chrono::nanoseconds nanoseconds(std::chrono::nanoseconds latest) {
    const auto value = number<std::uint64_t>();
    if (value > static_cast<std::uint64_t>(latest.count())) failed_ = true;
    return std::chrono::nanoseconds(failed_ ? 0 : static_cast<std::int64_t>(value));
  }
  std::string_view rest_;
  bool failed_ = false;
};

void write(Writer& w, const Binding& binding) {
  w.enumerator(binding.kind);
  w.number(binding.uid);
  w.number(binding.loginuid);
  w.number(binding.audit_session);
  w.number(binding.cgroup_id);
}

Binding read_binding(Reader& r) {
  Binding binding;
  binding.kind = r.enumerator(BindingKind::Job);
  binding.uid = r.number<std::uint32_t>();
  binding.loginuid = r.number<std::uint32_t>();
  binding.audit_session = r.number<std::uint32_t>();
  binding.cgroup_id = r.number<std::uint64_t>();
  return binding;
}

void write(Writer& w, const Session& session) {
  const Person& person = session.person;
  for (const std::string* text : {&person.issuer, &person.subject, &person.name, &person.method,
                                  &session.idp_session, &session.token, &session.sealed})
    w.text(*text);
  w.enumerator(person.person_class);
  w.number(static_cast<std::uint32_t>(person.groups.size()));
  for (const std::string& group : person.groups) w.text(group);
  w.number(session.share);
  w.enumerator(session.self_contained);
  w.time(session.issued_at);
  w.time(session.expires_at);
  w.time(session.ends_at);
  w.time(session.latest);
  w.time(session.checked_at);
  w.enumerator(session.end);
  w.time(session.ended_at);
}

Session read_session(Reader& r) {
  Session session;
  Person& person = session.person;
  for (std::string* text : {&person.issuer, &person.subject, &person.name, &person.method,
                            &session.idp_session, &session.token, &session.sealed})
    *text = r.text();
  person.person_class = r.enumerator(PersonClass::Ci);
  const std::size_t groups = r.number<std::uint32_t>();
  for (std::size_t n = 0; n < groups && !r.failed(); ++n) person.groups.push_back(r.text());
  session.share = r.number<std::uint32_t>();
  session.self_contained = r.boolean();
  session.issued_at = r.wall();
  session.expires_at = r.wall();
  session.ends_at = r.monotonic();
  session.latest = r.both();
  session.checked_at = r.both();
  session.end = r.enumerator(SessionEnd::GroupsUnusable);
  session.ended_at = r.monotonic();
  return session;
}

std::string_view as_text(const BootId& boot) {
  return {reinterpret_cast<const char*>(boot.bytes.data()), boot.bytes.size()};
}

}  // namespace

std::string_view to_string(SessionBytesError error) {
  switch (error) {
    case SessionBytesError::OtherVersion:
      return "the sessions were written by another version";
    case SessionBytesError::OtherBoot:
      return "the sessions are from before the last start of this host";
    case SessionBytesError::Malformed:
      return "the sessions are damaged";
  }
  return "unknown";
}

std::string encode_sessions(const SessionTable& table, const BootId& boot) {
  std::size_t about = 256 + table.revocations().size() * 128;
  for (const auto& [binding, session] : table.sessions()) about += size_of(session) + 64;
  Writer w(about);
  w.raw(kMagic);
  w.raw(as_text(boot));
  w.number(static_cast<std::uint32_t>(table.sessions().size()));
  for (const auto& [binding, session] : table.sessions()) {
    write(w, binding);
    write(w, session);
  }
  w.number(static_cast<std::uint32_t>(table.revocations().size()));
  for (const Revocation& revocation : table.revocations()) {
    w.enumerator(revocation.kind);
    w.text(revocation.issuer);
    w.text(revocation.what);
    w.time(revocation.at);
  }
  return std::move(w).take();
}

Result<SessionTable, SessionBytesError> decode_sessions(std::string_view bytes, const BootId& boot,
                                                        const SessionTimes& times) {
  constexpr Unexpected kMalformed{SessionBytesError::Malformed};
  if (!bytes.starts_with(kMagic)) return Unexpected{SessionBytesError::OtherVersion};
  if (bytes.size() > kMostBytes) return kMalformed;
  Reader r(bytes.substr(kMagic.size()));
  const std::string_view written_in = r.take(boot.bytes.size());
  if (r.failed()) return kMalformed;
  if (written_in != as_text(boot)) return Unexpected{SessionBytesError::OtherBoot};

  SessionTable table(times);
  const std::size_t sessions = r.number<std::uint32_t>();
  for (std::size_t n = 0; n < sessions; ++n) {
    const Binding binding = read_binding(r);
    Session session = read_session(r);
    const auto& before = table.sessions();
    if (r.failed() || (!before.empty() && binding <= before.rbegin()->first) ||
        !table.restore(binding, std::move(session)))
      return kMalformed;
  }
  const std::size_t revocations = r.number<std::uint32_t>();
  for (std::size_t n = 0; n < revocations; ++n) {
    Revocation revocation;
    revocation.kind = r.enumerator(RevocationKind::Token);
    revocation.issuer = r.text();
    revocation.what = r.text();
    revocation.at = r.wall();
    if (r.failed() || !table.restore(std::move(revocation))) return kMalformed;
  }
  if (!r.at_end()) return kMalformed;
  return table;
}

}  // namespace veilwire::identity
