#include "agent/setup/client_trust.h"

#include "agent/setup/disk.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include <nlohmann/json.hpp>

namespace veilwire::setup {
namespace {

constexpr const char* kVariable = "NODE_EXTRA_CA_CERTS";

}  // namespace

std::string managed_settings_path(const std::string& folder) {
  return folder + "/managed-settings.d/50-veilwire.json";
}

std::string managed_settings(const std::string& certificate) {
  return nlohmann::json{{"env", {{kVariable, certificate}}}}.dump(2) + "\n";
}

std::string who_else_extends(const std::string& certificate, const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<std::string> files{folder + "/managed-settings.json"};
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder + "/managed-settings.d", none))
    if (entry.path().extension() == ".json" && entry.path() != managed_settings_path(folder))
      files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    if (look(file).kind != PathState::Kind::File) continue;
    const auto settings = nlohmann::json::parse(read_file(file).reveal(), nullptr, false);
    if (!settings.is_object() || !settings.contains("env") || !settings["env"].is_object())
      continue;
    const auto value = settings["env"].find(kVariable);
    if (value == settings["env"].end() || *value == certificate) continue;
    return file + " sets " + kVariable + " to " + value->dump() + ", and keeps it: add " +
           certificate + " to what that names";
  }
  return {};
}

}  // namespace veilwire::setup
