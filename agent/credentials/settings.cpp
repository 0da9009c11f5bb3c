#include "agent/credentials/settings.h"

#include "agent/credentials/command_source.h"
#include "agent/credentials/secret_file.h"
#include "agent/credentials/vault_source.h"
#include "agent/host/protocol/credentials.h"
#include "userspace/identity/url.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace veilwire::credentials {
namespace {

using host::ConfigSection;
using std::chrono::seconds;

// What is asked for often must be cheap; what is asked for rarely goes stale. A file costs nothing.
constexpr int kFileRefresh = 5, kOtherRefresh = 300;
constexpr int kMostRefresh = 3600;
constexpr int kMostKeep = 7 * 24 * 3600;

void require_absolute(const ConfigSection& section, std::string_view key, const std::string& path) {
  if (!path.starts_with('/')) section.refuse(key, "must be an absolute path");
}

// The name of a file in systemd's folder: nothing that leads elsewhere.
std::string systemd_path(const ConfigSection& section, std::string_view key,
                         const std::string& name) {
  if (name.empty() || name.starts_with('.') || name.find('/') != std::string::npos)
    section.refuse(key, "must be the name of a credential in the unit (LoadCredential=)");
  auto path = systemd_credential_path(name);
  if (!path)
    section.refuse(key,
                   "this process has no credentials of systemd: name it in its unit, as "
                   "LoadCredential=" +
                       name);
  return *std::move(path);
}

// One word after the other, with "/" between: what goes into a URL as it is.
bool is_url_path(std::string_view path) {
  return !path.empty() && !path.starts_with('/') && !path.ends_with('/') &&
         path.find("//") == path.npos && path.find("..") == path.npos &&
         std::all_of(path.begin(), path.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.' || c == '/';
         });
}

VaultPlace read_vault(const ConfigSection& section, const std::string& our_ca) {
  VaultPlace place;
  const std::string address = section.required_text("address");
  const std::string mount = section.text("mount", "secret");
  const std::string path = section.required_text("path");
  if (!is_url_path(mount)) section.refuse("mount", "must be a path such as \"secret\"");
  if (!is_url_path(path)) section.refuse("path", "must be a path such as \"llm/anthropic\"");
  place.url = address;
  if (place.url.ends_with('/')) place.url.pop_back();
  place.url += "/v1/" + mount + "/data/" + path;
  if (!identity::parse_url(place.url, identity::PlainHttp::Loopback))
    section.refuse("address", "must be an https URL such as \"https://vault.example:8200\"");
  place.field = section.text("field", "value");
  place.roots = section.text("ca_file", "/etc/ssl/certs/ca-certificates.crt");
  require_absolute(section, "ca_file", place.roots);
  place.never_trust = our_ca;
  const bool of_systemd = section.has("token_credential");
  if (of_systemd == section.has("token_file"))
    section.refuse("token_file", "name either token_file or token_credential");
  std::string token = of_systemd ? systemd_path(section, "token_credential",
                                                section.required_text("token_credential"))
                                 : section.required_text("token_file");
  require_absolute(section, "token_file", token);
  place.token = [token = std::move(token)] { return read_secret_file(token); };
  return place;
}

void read_source(const ConfigSection& section, const std::string& our_ca, Settings& settings) {
  const std::string name = section.required_text("name");
  if (!host::protocol::is_credential_name(name))
    section.refuse("name", "must be one word of a to z, 0 to 9, '-' and '_'");
  if (settings.sources.contains(name)) section.refuse("name", "\"" + name + "\" is named twice");
  KeptSource& kept = settings.sources[name];
  kept.kind = section.required_text("kind");
  const bool local = kept.kind == "file" || kept.kind == "systemd";
  kept.refresh = seconds(
      section.integer("refresh_seconds", local ? kFileRefresh : kOtherRefresh, 1, kMostRefresh));
  kept.keep = seconds(section.integer("keep_seconds", 3600, 0, kMostKeep));
  const seconds patience(section.integer("timeout_seconds", 5, 1, 30));
  if (kept.kind == "file") {
    const std::string path = section.required_text("path");
    require_absolute(section, "path", path);
    kept.source = std::make_shared<FileSource>(path);
  } else if (kept.kind == "systemd") {
    kept.source = std::make_shared<FileSource>(
        systemd_path(section, "credential", section.text("credential", name)));
  } else if (kept.kind == "command") {
    std::vector<std::string> command = section.texts("command", {});
    if (command.empty()) section.refuse("command", "is missing: a program and its arguments");
    require_absolute(section, "command", command.front());
    kept.source = std::make_shared<CommandSource>(std::move(command), patience);
    settings.programs = true;
  } else if (kept.kind == "vault") {
    kept.source = std::make_shared<VaultSource>(read_vault(section, our_ca), patience);
    settings.network = true;
  } else {
    section.refuse("kind", R"(must be "file", "systemd", "command" or "vault")");
  }
  section.check();
}

}  // namespace

Settings read_settings(const ConfigSection& section) {
  Settings s;
  s.proxy_user = section.text("proxy_user", "veilwire");
  s.daemon = host::read_daemon_settings(section, "credentials", {s.proxy_user});
  const std::string our_ca = section.text("internal_ca", "/etc/veilwire/ca.pem");
  for (const ConfigSection& source : section.tables("source")) read_source(source, our_ca, s);
  section.check();
  return s;
}

}  // namespace veilwire::credentials
