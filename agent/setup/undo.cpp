#include "agent/setup/undo.h"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

namespace veilwire::setup {
namespace {

using Kind = PathState::Kind;

enum class Standing { AsBefore, Ours, Changed };

Standing standing(const PathRecord& record, const PathState& now) {
  if (now == record.before) return Standing::AsBefore;
  const auto is_now = [&](const PathState& after) {
    // Folders belong to whoever works in them by now: systemd gives them mode and owner.
    return after == now || (after.kind == Kind::Folder && now.kind == Kind::Folder);
  };
  const bool ours = std::any_of(record.after.begin(), record.after.end(), is_now);
  // A folder that was there, and is.
  if (ours && record.before.kind == Kind::Folder) return Standing::Ours;
  return ours ? Standing::Ours : Standing::Changed;
}

bool contains(const std::vector<std::string>& list, const std::string& one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

void say(const Hands& hands, const std::string& line) {
  if (hands.say) hands.say(line);
}

void restore(const std::string& path, const PathState& before, const Hands& hands) {
  switch (before.kind) {
    case Kind::Absent:
      hands.disk.remove_file(path);
      break;
    case Kind::File:
      hands.disk.put_file(path, hands.journal.bytes_before(before).reveal(), before.mode,
                          before.uid, before.gid);
      break;
    case Kind::Link:
      hands.disk.put_link(path, before.content, before.uid, before.gid);
      break;
    case Kind::Folder:
      hands.disk.put_folder(path, before.mode, before.uid, before.gid);
      break;
    case Kind::Other:
      throw std::runtime_error(path + ": was no file, and cannot be put back");
  }
}

void undo_path(const PathRecord& record, const UndoOptions& options, const Hands& hands) {
  const PathState now = look(record.path);
  const Standing stands = standing(record, now);
  if (stands == Standing::AsBefore || contains(options.keep, record.path)) return;
  if (now.kind == Kind::Folder && record.before.kind == Kind::Absent) {
    if (hands.disk.remove_folder(record.path))
      say(hands, "removed " + record.path);
    else
      say(hands, "left " + record.path + ": there is something in it that is not of set-up");
    return;
  }
  if (stands == Standing::Changed) {
    if (!options.force) throw std::runtime_error(record.path + ": has changed meanwhile");
    if (now.kind != Kind::Absent)
      say(hands, "kept what was in " + record.path + " as " + hands.disk.set_aside(record.path));
  }
  restore(record.path, record.before, hands);
  say(hands, (record.before.kind == Kind::Absent ? "removed " : "restored ") + record.path);
}

// Which paths still are as the tool has left them.
std::set<std::string> untouched(const StoreRecord& record, const Tree& now) {
  std::set<std::string> paths;
  const auto at = [](const Tree& tree, const std::string& path) {
    const auto found = tree.find(path);
    return found == tree.end() ? PathState{} : found->second;
  };
  const auto consider = [&](const Tree& tree) {
    for (const auto& [path, state] : tree)
      // Where the tool was not seen to end, nobody knows how it has left them.
      if (!record.after || at(now, path) == at(*record.after, path) ||
          at(now, path) == at(record.before, path))
        paths.insert(path);
  };
  consider(record.before);
  consider(now);
  if (record.after) consider(*record.after);
  return paths;
}

void undo_store(const StoreRecord& record, const std::set<std::string>& ours, const Hands& hands) {
  const TrustStore* store = find_store(record.store);
  if (store == nullptr) throw std::runtime_error("unknown trust store " + record.store);
  const ToolResult result = hands.run(store->make_new);
  if (result.status != 0) say(hands, failure_of(store->make_new, result));
  if (digest_of_sources(*store) != record.sources) {
    say(hands, "certificates have come or gone since: " + store->derived + " is as " +
                   store->make_new.front() + " makes it");
    return;
  }
  Tree now = tree_of({store->derived});
  // What came goes first, the innermost before its folder; then the folders, then what is in them.
  for (auto one = now.rbegin(); one != now.rend(); ++one) {
    const auto& [path, state] = *one;
    if (record.before.contains(path) || !ours.contains(path)) continue;
    if (state.kind == Kind::Folder)
      (void)hands.disk.remove_folder(path);
    else
      hands.disk.remove_file(path);
  }
  for (const auto& [path, before] : record.before) {
    const auto found = now.find(path);
    if ((found != now.end() && found->second == before) || !ours.contains(path)) continue;
    if (before.kind == Kind::Other) continue;
    restore(path, before, hands);
  }
  say(hands, "the system trusts the CA no more");
}

void undo_units(const Hands& hands, const UndoOptions& options) {
  const auto& records = hands.journal.records();
  bool stopped = false;
  for (auto record = records.rbegin(); record != records.rend(); ++record) {
    const auto* unit = std::get_if<UnitRecord>(&*record);
    if (unit == nullptr) continue;
    // Connections first go past the proxy, then it ends: none is refused in between.
    if (!stopped && !hands.offline && !unit->active && !options.detach.empty()) {
      const ToolResult result = hands.run(options.detach);
      if (result.status != 0 && result.status != 127)
        throw std::runtime_error(failure_of(options.detach, result));
      stopped = true;
    }
    std::vector<std::vector<std::string>> commands;
    if (!unit->active && !hands.offline) commands.push_back({"systemctl", "stop", unit->unit});
    if (!unit->enabled) commands.push_back({"systemctl", "--quiet", "disable", unit->unit});
    for (const auto& command : commands) {
      const ToolResult result = hands.run(command);
      // 5: there is no such unit any more.
      if (result.status != 0 && result.status != 5 && result.status != 127)
        throw std::runtime_error(failure_of(command, result));
    }
    say(hands, "stopped " + unit->unit);
  }
}

}  // namespace

UndoPlan plan_undo(const Journal& journal, const UndoOptions& options) {
  UndoPlan plan;
  const auto& records = journal.records();
  for (auto one = records.rbegin(); one != records.rend(); ++one) {
    if (const auto* unit = std::get_if<UnitRecord>(&*one)) {
      plan.lines.push_back("stop " + unit->unit);
    } else if (const auto* store = std::get_if<StoreRecord>(&*one)) {
      plan.lines.push_back("take the CA out of what the system trusts (" + store->store + ")");
    } else if (const auto* path = std::get_if<PathRecord>(&*one)) {
      if (contains(options.keep, path->path)) {
        plan.lines.push_back("keep " + path->path);
        continue;
      }
      const PathState now = look(path->path);
      const Standing stands = standing(*path, now);
      if (stands == Standing::AsBefore) continue;
      plan.lines.push_back((path->before.kind == Kind::Absent ? "remove " : "restore ") +
                           path->path);
      if (stands == Standing::Changed) {
        const auto by = options.changed_by.find(path->path);
        plan.conflicts.push_back(
            path->path + (now.kind == Kind::Absent ? ": is gone" : ": was changed") +
            " since set-up" + (by == options.changed_by.end() ? "" : ", as by " + by->second) +
            "; --force puts back what was there before" +
            (now.kind == Kind::Absent ? "" : ", and keeps the present one beside it"));
      }
    }
  }
  return plan;
}

void undo(const UndoOptions& options, const Hands& hands) {
  // A copy: the journal's own ends with it.
  const std::vector<Record> records = hands.journal.records();
  clear_unfinished(hands);
  undo_units(hands, options);
  // Looked at before the tool makes them anew, once: an undo that dies is gone on with.
  std::map<std::string, std::set<std::string>> ours;
  for (const Record& record : records) {
    const auto* store = std::get_if<StoreRecord>(&record);
    const TrustStore* known = store == nullptr ? nullptr : find_store(store->store);
    if (known == nullptr) continue;
    if (!store->untouched)
      hands.journal.will_undo(store->store, untouched(*store, tree_of({known->derived})));
    ours[store->store] = *hands.journal.find_store(store->store)->untouched;
  }
  for (auto one = records.rbegin(); one != records.rend(); ++one)
    if (const auto* path = std::get_if<PathRecord>(&*one); path != nullptr)
      if (look(path->path).kind != Kind::Folder) undo_path(*path, options, hands);
  // Without our certificate there.
  for (const Record& record : records)
    if (const auto* store = std::get_if<StoreRecord>(&record))
      undo_store(*store, ours[store->store], hands);
  // A tool may want its folder; and a folder goes once nothing is in it.
  for (auto one = records.rbegin(); one != records.rend(); ++one)
    if (const auto* path = std::get_if<PathRecord>(&*one); path != nullptr)
      if (look(path->path).kind == Kind::Folder) undo_path(*path, options, hands);
  const bool changed_units = std::any_of(records.begin(), records.end(), [](const Record& record) {
    return std::holds_alternative<UnitRecord>(record);
  });
  if (changed_units && !hands.offline) (void)hands.run({"systemctl", "daemon-reload"});
  hands.journal.erase(options.leave_mark);
}

}  // namespace veilwire::setup
