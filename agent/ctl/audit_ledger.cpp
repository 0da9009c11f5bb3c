#include "agent/ctl/audit_ledger.h"

#include "agent/ctl/audit_text.h"
#include "agent/host/config.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <ostream>
#include <vector>

#include <unistd.h>

namespace veilwire::ctl {
namespace {

constexpr std::size_t kMostNamed = 20;  // a screen of them is no help

}  // namespace

std::optional<AuditId> parse_audit_id(std::string_view text) {
  const std::string_view session = text.substr(0, text.find('.'));
  if (session.empty() || session.size() > 16 ||
      session.find_first_not_of("0123456789abcdef") != std::string_view::npos)
    return std::nullopt;
  AuditId id{.session = std::string(session), .exchange = {}};
  if (session.size() != text.size()) {
    const std::string_view digits = text.substr(session.size() + 1);
    std::uint64_t exchange = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), exchange);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size() ||
        exchange > INT64_MAX)
      return std::nullopt;
    id.exchange = exchange;
  }
  return id;
}

std::string audit_id(std::string_view session, std::uint64_t exchange) {
  return std::string(session) + "." + std::to_string(exchange);
}

std::string ledger_path(const std::string& config, bool config_given) {
  constexpr const char* kDefault = "/var/lib/veilwire-recorder/ledger.db";
  if (!config_given && !std::filesystem::exists(config)) return kDefault;
  return host::Config::load(config).section("recorder").text("database", kDefault);
}

std::optional<recorder::LedgerReader> open_ledger(const std::string& path, std::ostream& err) {
  if (::access(path.c_str(), R_OK) != 0) {
    if (errno == EACCES || errno == EPERM) {
      err << "veilwire: the ledger " << path
          << " is not for this user; use root or the recorder's user\n";
    } else if (errno == ENOENT || errno == ENOTDIR) {
      err << "veilwire: there is no ledger at " << path
          << ": nothing has been recorded, or it stands elsewhere (see --ledger)\n";
    } else {
      err << "veilwire: " << path << ": " << std::strerror(errno) << '\n';
    }
    return std::nullopt;
  }
  try {
    return recorder::LedgerReader(path);
  } catch (const recorder::SqliteError& e) {
    err << "veilwire: " << e.what() << '\n';
    return std::nullopt;
  }
}

LocateResult locate(recorder::LedgerReader& ledger, std::string_view id, std::ostream& err) {
  const auto wanted = parse_audit_id(id);
  if (!wanted) {
    err << "veilwire: \"" << visible_line(id)
        << "\" is no id; one is like 00c0ffee00c0ffee.1 (see veilwire audit list)\n";
    return {.found = {}, .exit_code = kAuditUsage};
  }
  const std::vector<std::string> sessions = ledger.sessions(wanted->session);
  if (sessions.empty()) {
    err << "veilwire: the ledger has no session " << wanted->session << '\n';
    return {.found = {}, .exit_code = kAuditUnknownId};
  }
  if (sessions.size() > 1) {
    err << "veilwire: several sessions begin with " << wanted->session << "; give more digits\n";
    return {.found = {}, .exit_code = kAuditUnknownId};
  }
  const std::string& session = sessions.front();
  if (wanted->exchange) {
    // A session's own records can be asked for by name, whether it is listed or not.
    if (*wanted->exchange == 0 || ledger.has_exchange(session, *wanted->exchange))
      return {.found = Located{session, *wanted->exchange}, .exit_code = 0};
    err << "veilwire: session " << session << " has no exchange " << *wanted->exchange << '\n';
    return {.found = {}, .exit_code = kAuditUnknownId};
  }
  recorder::ExchangeFilter filter;
  filter.session = session;
  filter.limit = kMostNamed + 1;
  const auto exchanges = ledger.list(filter);
  if (exchanges.size() > 1) {
    err << "veilwire: session " << session << " has several exchanges:";
    if (exchanges.size() > kMostNamed) err << " ...";
    const auto newest =
        exchanges.begin() + static_cast<std::ptrdiff_t>(std::min(exchanges.size(), kMostNamed));
    for (auto row = std::make_reverse_iterator(newest); row != exchanges.rend(); ++row)
      err << ' ' << audit_id(session, row->exchange);
    err << '\n';
    return {.found = {}, .exit_code = kAuditUnknownId};
  }
  return {.found = Located{session, exchanges.empty() ? 0 : exchanges.front().exchange},
          .exit_code = 0};
}

}  // namespace veilwire::ctl
