#include "agent/setup/journal.h"

#include "agent/host/key_files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace veilwire::setup {
namespace {

using nlohmann::json;
using Kind = PathState::Kind;

constexpr const char* kLines = "journal";
constexpr const char* kBytes = "before";
constexpr const char* kDone = "done";

constexpr std::pair<Kind, const char*> kKinds[] = {{Kind::Absent, "absent"},
                                                   {Kind::File, "file"},
                                                   {Kind::Link, "link"},
                                                   {Kind::Folder, "folder"},
                                                   {Kind::Other, "other"}};

json to_json(const PathState& state) {
  const auto* kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                  [&](const auto& one) { return one.first == state.kind; });
  json object{{"kind", kind->second}};
  if (state.kind == Kind::Absent) return object;
  object["mode"] = state.mode;
  object["uid"] = state.uid;
  object["gid"] = state.gid;
  if (!state.content.empty()) object["content"] = state.content;
  return object;
}

PathState state_of(const json& object) {
  const auto name = object.at("kind").get<std::string>();
  const auto* kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                  [&](const auto& one) { return name == one.second; });
  if (kind == std::end(kKinds)) throw std::runtime_error("unknown kind " + name);
  PathState state;
  state.kind = kind->first;
  if (state.kind == Kind::Absent) return state;
  state.mode = object.at("mode").get<mode_t>();
  state.uid = object.at("uid").get<uid_t>();
  state.gid = object.at("gid").get<gid_t>();
  state.content = object.value("content", "");
  return state;
}

json to_json(const Tree& tree) {
  json object = json::object();
  for (const auto& [path, state] : tree) object[path] = to_json(state);
  return object;
}

Tree tree_of(const json& object) {
  Tree tree;
  for (const auto& [path, state] : object.items()) tree[path] = state_of(state);
  return tree;
}

// Names on disk are bytes; what is no UTF-8 is refused where it would be changed on its way.
std::string dumped(const json& line) {
  try {
    return line.dump();
  } catch (const json::exception&) {
    throw std::runtime_error("a file's name is not UTF-8: " +
                             line.dump(-1, ' ', false, json::error_handler_t::replace));
  }
}

template <class T>
const T* found(const std::vector<Record>& records, const std::string T::*key,
               const std::string& value) {
  for (const Record& record : records)
    if (const T* one = std::get_if<T>(&record); one != nullptr && one->*key == value) return one;
  return nullptr;
}

template <class T>
T* found(std::vector<Record>& records, std::string T::*key, const std::string& value) {
  for (Record& record : records)
    if (T* one = std::get_if<T>(&record); one != nullptr && one->*key == value) return one;
  return nullptr;
}

}  // namespace

Journal::Journal(std::string folder, Disk& disk) : folder_(std::move(folder)), disk_(disk) {
  if (!exists(folder_)) return;
  make_folder();
  if (!exists(in(kLines))) return;
  const Secret bytes = read_file(in(kLines));
  std::string_view text = bytes.reveal();
  for (std::size_t end; (end = text.find('\n', whole_)) != text.npos; whole_ = end + 1) try {
      take(std::string(text.substr(whole_, end - whole_)));
    } catch (const std::exception& e) {
      throw std::runtime_error(in(kLines) + ": byte " + std::to_string(whole_) +
                               ": cannot be understood: " + e.what());
    }
}

// The folder's own lock: there is no file that would be left behind.
void Journal::make_folder() {
  if (!lock_) {
    if (!exists(folder_)) disk_.put_folder(folder_, S_IRWXU, ::geteuid(), ::getegid());
    lock_ =
        host::UniqueFd(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (!lock_ || ::fstat(lock_.get(), &status) != 0)
      throw std::runtime_error(folder_ + ": " + std::strerror(errno));
    if (status.st_uid != ::geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
      throw std::runtime_error(folder_ + ": others can write it, so it cannot be trusted");
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
      throw std::runtime_error(folder_ + ": another set-up is running");
  }
}

const PathRecord* Journal::find_path(const std::string& path) const {
  return found<PathRecord>(records_, &PathRecord::path, path);
}
const StoreRecord* Journal::find_store(const std::string& store) const {
  return found<StoreRecord>(records_, &StoreRecord::store, store);
}
const UnitRecord* Journal::find_unit(const std::string& unit) const {
  return found<UnitRecord>(records_, &UnitRecord::unit, unit);
}

Secret Journal::bytes_before(const PathState& before) const {
  const std::string path = in(kBytes) + "/" + before.content;
  Secret bytes = read_file(path);
  if (file_state(bytes.reveal(), 0, 0, 0).content != before.content)
    throw std::runtime_error(path + ": is damaged");
  return bytes;
}

void Journal::keep(const std::string& path, const PathState& state) {
  if (state.kind != Kind::File) return;
  const std::string kept = in(kBytes) + "/" + state.content;
  if (exists(kept)) return;
  if (!exists(in(kBytes))) disk_.put_folder(in(kBytes), S_IRWXU, ::geteuid(), ::getegid());
  const Secret bytes = read_file(path);
  if (file_state(bytes.reveal(), 0, 0, 0).content != state.content)
    throw std::runtime_error(path + ": changes while it is read; try again");
  disk_.put_file(kept, bytes.reveal(), S_IRUSR | S_IWUSR, ::geteuid(), ::getegid());
}

void Journal::take(const std::string& line) {
  const json object = json::parse(line);
  if (object.contains("path")) {
    const auto path = object.at("path").get<std::string>();
    auto* record = found<PathRecord>(records_, &PathRecord::path, path);
    if (record == nullptr) {
      records_.emplace_back(PathRecord{path, state_of(object.at("before")), {}});
      record = &std::get<PathRecord>(records_.back());
    }
    record->after.push_back(state_of(object.at("after")));
  } else if (object.contains("store")) {
    const auto store = object.at("store").get<std::string>();
    auto* record = found<StoreRecord>(records_, &StoreRecord::store, store);
    if (object.contains("before")) {
      if (record == nullptr) {
        StoreRecord fresh;
        fresh.store = store;
        fresh.sources = object.at("sources").get<std::string>();
        fresh.before = tree_of(object.at("before"));
        records_.emplace_back(std::move(fresh));
      } else {
        record->after.reset();
        record->untouched.reset();
      }
    } else if (record != nullptr && object.contains("untouched")) {
      record->untouched = object.at("untouched").get<std::set<std::string>>();
    } else if (record != nullptr) {
      record->after = tree_of(object.at("after"));
      record->anchor = object.at("anchor").get<std::string>();
    }
  } else {
    const auto unit = object.at("unit").get<std::string>();
    if (found<UnitRecord>(records_, &UnitRecord::unit, unit) == nullptr)
      records_.emplace_back(
          UnitRecord{unit, object.at("enabled").get<bool>(), object.at("active").get<bool>()});
  }
}

void Journal::write(const std::string& line) {
  make_folder();
  const std::string path = in(kLines);
  if (!file_) {
    file_ = host::UniqueFd(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
    // What a dead run has not finished would run into our line.
    if (!file_ || ::ftruncate(file_.get(), static_cast<off_t>(whole_)) != 0 ||
        ::lseek(file_.get(), 0, SEEK_END) < 0)
      throw std::runtime_error(path + ": " + std::strerror(errno));
    host::sync_folder_of(path);
  }
  disk_.append(file_.get(), line + "\n", path);
  if (::fsync(file_.get()) != 0) throw std::runtime_error(path + ": " + std::strerror(errno));
  whole_ += line.size() + 1;
  take(line);
}

void Journal::will_change(const std::string& path, const PathState& before,
                          const PathState& after) {
  make_folder();
  const PathRecord* known = find_path(path);
  // Also where it is as it was: an undo that died may have thrown the bytes away already.
  if (known == nullptr || known->before == before) keep(path, before);
  write(dumped({{"path", path},
                {"before", to_json(known == nullptr ? before : known->before)},
                {"after", to_json(after)}}));
}

void Journal::will_run(const std::string& store, const std::string& sources, const Tree& before) {
  make_folder();
  const StoreRecord* known = find_store(store);
  for (const auto& [path, state] : before) {
    const auto was = known == nullptr ? before.end() : known->before.find(path);
    if (known == nullptr || (was != known->before.end() && was->second == state)) keep(path, state);
  }
  write(dumped({{"store", store}, {"sources", sources}, {"before", to_json(before)}}));
}

void Journal::has_run(const std::string& store, const std::string& anchor, const Tree& after) {
  write(dumped({{"store", store}, {"anchor", anchor}, {"after", to_json(after)}}));
}

void Journal::will_undo(const std::string& store, const std::set<std::string>& untouched) {
  write(dumped({{"store", store}, {"untouched", untouched}}));
}

void Journal::will_start(const UnitRecord& unit) {
  if (find_unit(unit.unit) != nullptr) return;
  write(dumped({{"unit", unit.unit}, {"enabled", unit.enabled}, {"active", unit.active}}));
}

void Journal::mark_done(const std::string& text) {
  make_folder();
  if (text.empty())
    disk_.remove_file(in(kDone));
  else
    disk_.put_file(in(kDone), text, S_IRUSR | S_IWUSR, ::geteuid(), ::getegid());
}

void Journal::erase(const std::string& text) {
  if (!exists(folder_)) return;
  // The lines last: until then a repeated undo finds everything as it was, and needs no bytes.
  if (exists(in(kBytes))) {
    for (const auto& entry : std::filesystem::directory_iterator(in(kBytes)))
      disk_.remove_file(entry.path().string());
    (void)disk_.remove_folder(in(kBytes));
  }
  if (text.empty())
    disk_.remove_file(in(kDone));
  else
    mark_done(text);
  disk_.remove_unfinished(in(kDone));
  disk_.remove_file(in(kLines));
  file_ = {};
  if (text.empty()) (void)disk_.remove_folder(folder_);
  records_.clear();
  whole_ = 0;
}

}  // namespace veilwire::setup
