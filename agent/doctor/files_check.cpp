#include "agent/doctor/files_check.h"

#include <utility>

#include <sys/stat.h>

namespace veilwire::doctor {
namespace {

constexpr mode_t kOthers = S_IRWXG | S_IRWXO, kOthersWrite = S_IWGRP | S_IWOTH;

std::string octal(mode_t mode) {
  std::string text(4, '0');
  for (unsigned i = 0; i < 4; ++i) text[3 - i] = static_cast<char>('0' + ((mode >> (3 * i)) & 7));
  return text;
}

Findings judge(const FileFacts& file) {
  Findings found;
  const std::string& path = file.path;
  if (!file.exists) {
    if (file.needed)
      found.push_back(critical("file-missing", path, "it is not there",
                               "run veilwire setup, or make it as its program's manual says"));
    return found;
  }
  const bool secret = file.kind != FileFacts::Kind::Decides;
  const mode_t wrong = file.mode & (secret ? kOthers : kOthersWrite);
  if (wrong != 0 && secret)
    found.push_back(critical("key-mode", path,
                             "its mode is " + octal(file.mode) + ": others can read what only " +
                                 (file.owner.empty() ? "root" : file.owner) + " may",
                             std::string("chmod ") +
                                 (file.kind == FileFacts::Kind::Key ? "0400 " : "0700 ") + path +
                                 "; if others may have read it, make a new one"));
  if (wrong != 0 && !secret)
    found.push_back(critical(
        "config-mode", path,
        "its mode is " + octal(file.mode) + ": whoever may write it decides who sees secrets",
        "chmod 0644 " + path));
  const bool owned = file.uid == 0 || (file.owner_uid && file.uid == *file.owner_uid);
  if (!owned && secret)
    found.push_back(critical("key-owner", path,
                             "it belongs to uid " + std::to_string(file.uid) + " and not to " +
                                 (file.owner.empty() ? "root" : file.owner),
                             "chown " + (file.owner.empty() ? "root" : file.owner) + " " + path));
  if (!owned && !secret)
    found.push_back(
        critical("config-owner", path,
                 "it belongs to uid " + std::to_string(file.uid) + ", who decides who sees secrets",
                 "chown root " + path));
  return found;
}

}  // namespace

Findings check_files(const std::vector<FileFacts>& files) {
  Findings found;
  std::size_t seen = 0;
  std::string hidden;
  for (const FileFacts& file : files) {
    if (!file.problem.empty()) {
      hidden += (hidden.empty() ? "" : ", ") + file.path;
      continue;
    }
    ++seen;
    append(found, judge(file));
  }
  if (!hidden.empty()) found.push_back(unseen("files", "these cannot be seen: " + hidden));
  return or_good(std::move(found),
                 good("files", std::to_string(seen) + " keys and files of configuration have the "
                                                      "right owners and modes"));
}

}  // namespace veilwire::doctor
