#include "agent/ctl/audit_open.h"

#include "agent/ctl/audit_ledger.h"
#include "agent/ctl/audit_proof.h"
#include "agent/ctl/audit_text.h"
#include "agent/ctl/passphrase.h"
#include "agent/ctl/zstd_file.h"
#include "userspace/audit/canonical_json.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/private_key.h"
#include "userspace/evidence/bundle.h"
#include "userspace/evidence/original_reader.h"
#include "userspace/sealing/key_wrap.h"
#include "userspace/wire/content_coding.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using evidence::OriginalBody;
using Unwrap = evidence::OriginalReader::Unwrap;
using json = nlohmann::ordered_json;
using sealing::SealingError;
using sealing::SessionKey;

Unexpected<std::string> problem(const std::string& text) { return {text}; }

Result<Secret, std::string> private_key(const OpenOptions& options) {
  auto file = read_secret_file(options.key);
  if (!file) return file;
  // Unencrypted, it needs no passphrase.
  if (crypto::PrivateKey::from_pem(file->reveal())) return file;
  if (file->reveal().find("ENCRYPTED") == std::string_view::npos)
    return problem(options.key + ": not a private key in PEM");
  const auto passphrase = options.passphrase_file.empty()
                              ? ask_passphrase("Passphrase of " + options.key + ": ")
                              : read_passphrase_file(options.passphrase_file);
  if (!passphrase) return Unexpected{passphrase.error()};
  const auto key = crypto::PrivateKey::from_pem(file->reveal(), *passphrase);
  if (!key) return problem(options.key + ": the passphrase does not open it");
  return key->to_pem();
}

// What opens session keys, from what the auditor has.
Result<Unwrap, std::string> unwrapper(const OpenOptions& options) {
  if (!options.session_key.empty()) {
    auto bytes = read_secret_file(options.session_key);
    if (!bytes) return Unexpected{bytes.error()};
    if (bytes->reveal().size() != sealing::kSessionKey)
      return problem(options.session_key + ": not the 32 bytes of a session's key");
    return Unwrap([key = std::make_shared<Secret>(std::move(*bytes))](
                      const sealing::WrappedKey& wrapped) -> Result<SessionKey, SealingError> {
      auto session = SessionKey::from_bytes(Secret(std::string(key->reveal())));
      if (session->id() != wrapped.id) return Unexpected{SealingError::OtherKey};
      return std::move(*session);
    });
  }
  auto certificate = read_secret_file(options.certificate);
  if (!certificate) return Unexpected{certificate.error()};
  auto key = private_key(options);
  if (!key) return Unexpected{key.error()};
  const auto mine = crypto::PrivateKey::from_pem(key->reveal());
  const auto read = sealing::read_certificate(certificate->reveal());
  if (!read) return problem(options.certificate + ": " + std::string(to_string(read.error())));
  if (!mine || mine->public_der() != sealing::public_key_of(*read))
    return problem(options.key + " is not the key of the certificate " + options.certificate);
  return Unwrap([key = std::make_shared<Secret>(std::move(*key)),
                 certificate = std::make_shared<Secret>(std::move(*certificate))](
                    const sealing::WrappedKey& wrapped) {
    return sealing::unwrap_key(wrapped, certificate->reveal(), key->reveal());
  });
}

// Which bodies there are, by what their chunks say.
using Names = std::set<std::pair<std::uint64_t, std::string>>;
Names find_bodies(const SessionRecords& records, const OpenOptions& options) {
  Names names;
  records.read([&](const audit::Parsed& parsed, std::string_view) {
    const auto* chunk = std::get_if<audit::OriginalChunk>(&parsed.record.body);
    if (chunk == nullptr) return;
    if (records.exchange && parsed.record.context.exchange != *records.exchange) return;
    if (options.direction.empty() || options.direction == chunk->direction)
      names.emplace(parsed.record.context.exchange, chunk->direction);
  });
  return names;
}

// A body as a person reads it, without the coding that it came in.
class Decoded {
 public:
  explicit Decoded(const OriginalBody& body) {
    std::vector<std::string_view> members;
    for (const std::string& value : body.codings) {
      for (std::string_view rest = value; !rest.empty();) {
        std::string_view member = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(rest.size(), member.size() + 1));
        while (member.starts_with(' ')) member.remove_prefix(1);
        while (member.ends_with(' ')) member.remove_suffix(1);
        if (!member.empty()) members.push_back(member);
      }
    }
    const auto codings = wire::read_codings(members);
    if (!codings) {
      fail(codings.error());
      return;
    }
    auto decoder = wire::Decoder::make(*codings);
    if (decoder)
      decoder_.emplace(std::move(decoder).value());
    else
      fail(decoder.error());
  }
  std::string feed(std::string_view bytes) {
    std::string out;
    if (!decoder_) return out;
    if (const auto fed = decoder_->feed(bytes, out); !fed) fail(fed.error());
    return out;
  }
  const std::optional<std::string>& why() const { return why_; }

 private:
  void fail(wire::CodingError error) {
    decoder_.reset();
    why_ = "its content coding cannot be removed (" + std::string(wire::to_string(error)) +
           "); --coded gives it as it came";
  }
  std::optional<wire::Decoder> decoder_;
  std::optional<std::string> why_;
};

// Opens what is wanted, body after body, into one place or another.
class Opener {
 public:
  Opener(const OpenOptions& options, Names wanted, const Screen& screen)
      : options_(options), wanted_(std::move(wanted)), screen_(screen) {}

  void take(const OriginalBody& body, std::string_view text) {
    const auto name = std::pair(body.exchange, body.direction);
    if (wanted_.count(name) == 0) return;
    std::string decoded;
    if (!options_.coded) {
      auto [decoder, fresh] = decoders_.try_emplace(name, body);
      decoded = decoder->second.feed(text);
      text = decoded;
    }
    if (options_.json)
      texts_[name] += text;
    else if (screen_.terminal)
      screen_.out << visible_.feed(text);
    else
      screen_.out << text;
    wipe(decoded.data(), decoded.size());
  }

  int finish(std::vector<OriginalBody> bodies) {
    if (!options_.json && screen_.terminal) screen_.out << visible_.finish() << '\n';
    int code = 0;
    json out = json::array();
    for (OriginalBody& body : bodies) {
      const auto name = std::pair(body.exchange, body.direction);
      if (wanted_.count(name) == 0) continue;
      if (const auto decoder = decoders_.find(name); decoder != decoders_.end() && !body.problem)
        body.problem = decoder->second.why();
      if (body.problem) {
        code = std::max(code, body.locked ? kAuditLocked : kAuditDisproved);
        screen_.err << "veilwire: the " << visible_line(body.direction) << " of "
                    << audit_id(body.session, body.exchange) << ": " << visible_line(*body.problem)
                    << "; " << body.bytes << " bytes before that were opened\n";
      }
      if (options_.json) out.push_back(document(body, texts_[name]));
    }
    if (options_.json) {
      std::string text = out.dump(2, ' ', false, json::error_handler_t::replace);
      screen_.out << (screen_.terminal ? visible_json(text) : text) << '\n';
    }
    screen_.out.flush();
    return code;
  }

 private:
  static json document(const OriginalBody& body, const std::string& text) {
    json out = {{"session", body.session},     {"exchange", body.exchange},
                {"direction", body.direction}, {"key_id", body.key_id},
                {"chunks", body.chunks},       {"bytes", body.bytes},
                {"whole", !body.problem}};
    if (body.problem) out["problem"] = *body.problem;
    if (!body.codings.empty()) out["content_encoding"] = body.codings;
    if (audit::is_utf8(text))
      out["content"] = text;
    else
      out["content_base64"] = crypto::base64_encode(text);
    return out;
  }

  const OpenOptions& options_;
  Names wanted_;
  const Screen& screen_;
  VisibleText visible_;
  std::map<std::pair<std::uint64_t, std::string>, Decoded> decoders_;
  std::map<std::pair<std::uint64_t, std::string>, std::string> texts_;
};

int no_originals(const SessionRecords& records, const OpenOptions& options, std::ostream& err) {
  const std::string id =
      records.exchange ? audit_id(records.session, *records.exchange) : records.session;
  err << "veilwire: no original of " << (options.direction.empty() ? "" : "the ")
      << options.direction << (options.direction.empty() ? "" : " of ") << id
      << " is recorded: policy did not keep it\n";
  return kAuditUnknownId;
}

}  // namespace

int audit_open(const SessionRecords& records, const OpenOptions& options, const Screen& screen) {
  const Names wanted = find_bodies(records, options);
  if (wanted.empty()) return no_originals(records, options, screen.err);
  if (wanted.size() > 1 && !options.json) {
    screen.err << "veilwire: several originals are there; choose one, or use --json:";
    for (const auto& [exchange, direction] : wanted)
      screen.err << "\n  " << audit_id(records.session, exchange) << " --direction "
                 << visible_line(direction);
    screen.err << '\n';
    return kAuditUsage;
  }
  auto unwrap = unwrapper(options);
  if (!unwrap) {
    screen.err << "veilwire: " << unwrap.error() << '\n';
    return kAuditFailed;
  }
  Opener opener(options, wanted, screen);
  evidence::OriginalReader reader(
      std::move(unwrap).value(),
      [&](const OriginalBody& body, std::string_view text) { opener.take(body, text); });
  records.read(
      [&](const audit::Parsed& parsed, std::string_view bytes) { reader.add(parsed, bytes); });
  return opener.finish(reader.finish());
}

int audit_open(recorder::LedgerReader& ledger, const OpenOptions& options, const Screen& screen) {
  const auto id = parse_audit_id(options.id);
  SessionRecords records;
  std::vector<std::uint64_t> exchanges{0};
  if (id && !id->exchange) {
    const auto sessions = ledger.sessions(id->session);
    if (sessions.size() == 1) records.session = sessions.front();
  }
  if (records.session.empty()) {
    const LocateResult located = locate(ledger, options.id, screen.err);
    if (!located.found) return located.exit_code;
    records.session = located.found->session;
    records.exchange = located.found->exchange;
    exchanges.push_back(located.found->exchange);
  } else {
    recorder::ExchangeFilter filter;
    filter.session = records.session;
    filter.limit = 1'000'000;
    for (const auto& row : ledger.list(filter))
      if (row.exchange != 0) exchanges.push_back(row.exchange);
    std::sort(exchanges.begin(), exchanges.end());
  }
  records.read = [&](const SessionRecords::Visit& visit) {
    for (const std::uint64_t exchange : exchanges)
      ledger.records(records.session, exchange, [&](const auto& stored) {
        if (const auto parsed = audit::parse_record(stored.bytes)) visit(*parsed, stored.bytes);
        return true;
      });
  };
  return audit_open(records, options, screen);
}

int audit_open_bundle(const std::string& path, const OpenOptions& options, const Screen& screen) {
  const auto id = parse_audit_id(options.id);
  if (!id) {
    screen.err << "veilwire: \"" << visible_line(options.id) << "\" is no id\n";
    return kAuditUsage;
  }
  SessionRecords records;
  records.exchange = id->exchange;
  std::uint64_t problems = 0;
  std::set<std::string> sessions;
  records.read = [&](const SessionRecords::Visit& visit) {
    evidence::BundleCheck check({}, {});
    LineReader in(path, evidence::kBundleLine);
    while (const auto line = in.line()) {
      const auto proven = check.add(*line);
      if (!proven) continue;
      const auto parsed = audit::parse_record(proven->record);
      if (!parsed || !parsed->record.context.session.starts_with(id->session)) continue;
      if (parsed->record.context.session.empty()) continue;
      sessions.insert(parsed->record.context.session);
      visit(*parsed, proven->record);
    }
    problems = check.report().problem_count;
  };
  try {
    records.read([](const audit::Parsed&, std::string_view) {});
    if (sessions.size() != 1) {
      screen.err << "veilwire: " << (sessions.empty() ? "no session" : "several sessions")
                 << " of the bundle begin with " << id->session << '\n';
      return kAuditUnknownId;
    }
    records.session = *sessions.begin();
    const int code = audit_open(records, options, screen);
    if (problems == 0) return code;
    screen.err << "veilwire: the bundle does not hold (veilwire audit verify --bundle says why)\n";
    return code == 0 ? kAuditDisproved : code;
  } catch (const std::runtime_error& e) {
    screen.err << "veilwire: " << e.what() << '\n';
    return kAuditFailed;
  }
}

}  // namespace veilwire::ctl
