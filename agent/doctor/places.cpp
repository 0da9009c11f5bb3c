#include "agent/doctor/places.h"

#include "agent/host/config.h"

#include <filesystem>
#include <set>
#include <string_view>
#include <utility>

#include <pwd.h>
#include <unistd.h>

namespace veilwire::doctor {
namespace {

using host::ConfigSection;
using Kind = FileFacts::Kind;

std::string beside(const std::string& file, const char* name) {
  return file.substr(0, file.rfind('/') + 1) + name;
}

FileFacts expected(std::string path, Kind kind, std::string owner, bool needed = true) {
  FileFacts file;
  file.path = std::move(path);
  file.kind = kind;
  file.owner = std::move(owner);
  file.needed = needed;
  return file;
}

// Every home, each once; system users' are mostly not there.
std::vector<std::string> homes_of_people() {
  constexpr std::size_t kMost = 2000;
  std::set<std::string> homes;
  ::setpwent();
  while (const passwd* entry = ::getpwent()) {
    const std::string home = entry->pw_dir;
    if (home.size() > 1 && homes.size() < kMost) homes.insert(home);
  }
  ::endpwent();
  return {homes.begin(), homes.end()};
}

// Keys of the tables whose value is a file with a secret in it.
void secrets_of(const ConfigSection& section, std::initializer_list<const char*> keys,
                const std::string& owner, std::vector<FileFacts>& files) {
  for (const char* key : keys)
    if (const std::string path = section.text(key, ""); path.starts_with('/'))
      files.push_back(expected(path, Kind::Key, owner));
}

}  // namespace

Places find_places(const std::string& config, bool config_given,
                   const std::string& program_folder) {
  Places places;
  places.root = ::geteuid() == 0;
  places.program_folder = program_folder;
  places.status = ctl::status_places(config, config_given, program_folder);
  places.config = places.status.config;
  const host::Config settings =
      places.config.empty() ? host::Config::parse("", config) : host::Config::load(places.config);

  const ConfigSection redirector = settings.section("redirector");
  places.cgroup = redirector.text("cgroup", "/");
  places.pin_directory = redirector.text("pin_directory", "/sys/fs/bpf/veilwire");
  places.names = redirector.texts("names", {"claude"});
  places.paths = redirector.texts("paths", {"/claude/versions/"});
  places.arguments = redirector.texts("arguments", {"@anthropic-ai/claude-code"});

  const ConfigSection signer = settings.section("signer");
  const std::string signer_user = signer.text("user", "veilwire-signer");
  places.certificate = signer.text("certificate", "/etc/veilwire/ca.pem");
  places.signer_socket = signer.text("socket", "/run/veilwire-signer/signer.sock");
  places.proxy_user = signer.text("proxy_user", "veilwire");
  const ConfigSection proxy = settings.section("proxy");

  const ConfigSection identity = settings.section("identity");
  const std::string identity_user = identity.text("user", "veilwire-identity");
  places.provider = identity.text("provider", "local");
  places.issuer = places.provider == "oidc" ? identity.text("issuer", "") : "";
  places.roots = identity.text("roots", "/etc/ssl/certs/ca-certificates.crt");

  const ConfigSection recorder = settings.section("recorder");
  const std::string recorder_user = recorder.text("user", "veilwire-recorder");
  places.ledger = recorder.text("database", "/var/lib/veilwire-recorder/ledger.db");
  places.reserved_bytes =
      static_cast<std::uint64_t>(recorder.integer("reserved_mib", 64, 1, 1 << 30)) << 20;

  places.metrics_listen = settings.section("metrics").text("listen", "127.0.0.1:9469");

  auto& files = places.files;
  if (!places.config.empty()) files.push_back(expected(places.config, Kind::Decides, ""));
  files.push_back(expected(places.status.policy_file, Kind::Decides, ""));
  files.push_back(expected(places.certificate, Kind::Decides, "", false));  // authority_check's
  files.push_back(
      expected(signer.text("key", "/var/lib/veilwire-signer/ca.key"), Kind::Key, signer_user));
  files.push_back(expected(proxy.text("site_key", "/var/lib/veilwire/site.key"), Kind::Key,
                           proxy.text("user", "veilwire")));
  files.push_back(
      expected(std::filesystem::path(places.ledger).parent_path(), Kind::Folder, recorder_user));
  files.push_back(expected(recorder.text("checkpoint_key", beside(places.ledger, "checkpoint.key")),
                           Kind::Key, recorder_user, false));
  if (places.provider != "local") {
    files.push_back(expected(identity.text("key_file", "/var/lib/veilwire-identity/sessions.key"),
                             Kind::Key, identity_user, false));
    secrets_of(identity, {"client_secret_file", "client_key_file"}, identity_user, files);
    for (const ConfigSection& machine : identity.tables("machine"))
      secrets_of(machine, {"client_secret_file", "client_key_file"}, identity_user, files);
    for (const ConfigSection& transmitter : identity.tables("transmitter"))
      secrets_of(transmitter, {"token_file"}, identity_user, files);
  }
  const ConfigSection credentials = settings.section("credentials");
  for (const ConfigSection& source : credentials.tables("source"))
    secrets_of(source, {"path", "token_file"}, credentials.text("user", "veilwire-credentials"),
               files);
  const ConfigSection forwarder = settings.section("forwarder");
  for (const ConfigSection& sink : forwarder.tables("sink")) {
    places.sinks.push_back(sink.text("name", ""));
    secrets_of(sink, {"key_file", "headers_file"}, forwarder.text("user", "veilwire-forwarder"),
               files);
  }
  places.homes = homes_of_people();
  return places;
}

}  // namespace veilwire::doctor
