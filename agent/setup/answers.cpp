#include "agent/setup/answers.h"

#include "agent/host/config.h"
#include "agent/host/trusted_file.h"
#include "agent/setup/agent_tables.h"
#include "agent/setup/disk.h"

#include <algorithm>
#include <filesystem>

namespace veilwire::setup {
namespace {

using host::ConfigSection;

std::string beside(const std::string& file, const std::string& path) {
  if (path.empty()) return path;
  return (std::filesystem::absolute(file).parent_path() / path).lexically_normal().string();
}

void read_ca(const ConfigSection& section, const std::string& name, Answers& answers) {
  const std::string from = section.text("from", "made");
  if (from == "imported")
    answers.ca = Answers::Ca::Imported;
  else if (from == "requested")
    answers.ca = Answers::Ca::Requested;
  else if (from != "made")
    section.refuse("from", R"(must be "made", "imported" or "requested")");
  answers.hosts = section.texts("hosts", {});
  answers.days = static_cast<int>(section.integer("days", 730, 1, 3650));
  answers.certificate = beside(name, section.text("certificate", ""));
  answers.key = beside(name, section.text("key", ""));
  answers.unconstrained = section.boolean("unconstrained", false);
  section.check();
  if (answers.ca == Answers::Ca::Made && !answers.certificate.empty())
    section.refuse("certificate", R"(goes with from = "imported" or "requested")");
  if (answers.ca != Answers::Ca::Imported && !answers.key.empty())
    section.refuse("key", R"(goes with from = "imported")");
  if (answers.ca == Answers::Ca::Imported && (answers.certificate.empty() || answers.key.empty()))
    section.refuse(answers.certificate.empty() ? "certificate" : "key",
                   R"(is missing: an imported CA has both, as PEM files)");
  if (answers.ca != Answers::Ca::Made && section.has("days"))
    section.refuse("days", "is for who signs the certificate to say");
}

unsigned mode_of(const ConfigSection& section) {
  const std::string text = section.text("mode", "0644");
  unsigned mode = 0;
  for (const char c : text) {
    if (c < '0' || c > '7' || mode > 0777) section.refuse("mode", R"(must be octal, as "0640")");
    mode = mode * 8 + static_cast<unsigned>(c - '0');
  }
  if (text.empty() || mode > 0777 || (mode & 022) != 0)
    section.refuse("mode", "must be octal, as \"0640\", and not let others write");
  return mode;
}

// Only where files of ours are: set-up is no tool to write anything anywhere.
bool is_ours(const std::string& path) {
  const std::string plain = std::filesystem::path(path).lexically_normal().string();
  return plain == path &&
         (path.starts_with("/etc/veilwire/") ||
          (path.starts_with("/var/lib/veilwire") && !path.starts_with("/var/lib/veilwire-setup") &&
           path.find('/', sizeof "/var/lib/veilwire" - 1) != path.npos));
}

Answers::File read_file_table(const ConfigSection& section, const std::string& name) {
  Answers::File file;
  file.path = section.text("path", "");
  if (!is_ours(file.path))
    section.refuse("path", "must lie below /etc/veilwire or a folder /var/lib/veilwire*");
  file.source = beside(name, section.text("source", ""));
  if (file.source.empty()) section.refuse("source", "is missing: the file to be copied");
  file.user = section.text("user", "root");
  file.mode = mode_of(section);
  section.check();
  return file;
}

}  // namespace

Answers read_answers(std::string_view toml, const std::string& name) {
  const host::Config config = host::Config::parse(toml, name);
  Answers answers;
  answers.tables = agent_tables(toml, name);
  read_ca(config.section("ca"), name, answers);
  const ConfigSection trust = config.section("trust");
  answers.system_store = trust.boolean("system_store", true);
  answers.node = trust.boolean("node", true);
  trust.check();
  const ConfigSection policy = config.section("policy");
  answers.policy = beside(name, policy.text("file", ""));
  policy.check();
  const ConfigSection services = config.section("services");
  answers.start = services.boolean("start", true);
  answers.wait_seconds = static_cast<int>(services.integer("wait_seconds", 30, 0, 600));
  services.check();
  const ConfigSection on_host = config.section("host");
  for (const ConfigSection& file : on_host.tables("file"))
    answers.files.push_back(read_file_table(file, name));
  on_host.check();
  return answers;
}

Answers load_answers(const std::string& path) {
  if (const auto why = host::distrust(path)) throw host::ConfigError(path + ": " + *why);
  return read_answers(read_file(path).reveal(), path);
}

}  // namespace veilwire::setup
