#include "agent/forwarder/syslog_settings.h"

#include <charconv>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace veilwire::forwarder {
namespace {

using host::ConfigSection;

bool is_loopback(const std::string& host) {
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

// False: it is none.
bool read_address(std::string_view text, SyslogSettings& settings) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return false;
  std::string_view host = text.substr(0, colon), port = text.substr(colon + 1);
  const bool bracketed = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty() || (!bracketed && host.find(':') != host.npos)) return false;
  if (host.find_first_of("[]/@ ") != host.npos) return false;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), settings.port);
  settings.host = host;
  return error == std::errc() && end == port.data() + port.size() && settings.port != 0;
}

SyslogSettings read_common(const ConfigSection& section) {
  SyslogSettings settings;
  if (!read_address(section.required_text("address"), settings))
    section.refuse("address", "must be \"HOST:PORT\", such as \"logs.example:6514\"");
  settings.tls = section.boolean("tls", true);
  if (!settings.tls && !is_loopback(settings.host))
    section.refuse("tls", "can be false for an address such as \"127.0.0.1:514\" alone");
  settings.tls_files = read_tls_settings(section);
  settings.tls_files.resumes = false;
  settings.message_bytes = static_cast<std::size_t>(
      section.integer("message_bytes", static_cast<std::int64_t>(projection::kSyslogMessage),
                      static_cast<std::int64_t>(projection::kLeastSyslogMessage), 1 << 20));
  settings.timeout = std::chrono::seconds(section.integer("timeout_seconds", 30, 1, 300));
  return settings;
}

}  // namespace

SyslogSettings read_syslog_settings(const ConfigSection& section) {
  SyslogSettings settings = read_common(section);
  settings.settle = std::chrono::milliseconds(section.integer("settle_ms", 500, 0, 60'000));
  settings.close_notify = section.boolean("close_notify", true);
  return settings;
}

SyslogSettings read_relp_settings(const ConfigSection& section) { return read_common(section); }

std::optional<std::string> syslog_message(const Told& told, const projection::Source& source,
                                          projection::Level level, std::size_t most) {
  if (told.exchange) return projection::syslog_message(*told.exchange, source, level, most);
  if (told.parsed) return projection::syslog_message(*told.parsed, source, level, most);
  return std::nullopt;
}

}  // namespace veilwire::forwarder
