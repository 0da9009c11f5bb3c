#include "agent/setup/plan.h"

#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"

#include <algorithm>
#include <utility>

namespace veilwire::setup {
namespace {

using Kind = PathState::Kind;

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

bool Plan::changes() const {
  return std::any_of(steps.begin(), steps.end(), [](const Step& step) { return step.needed; });
}

bool Planner::is_ours(const std::string& path, const PathState& now) const {
  const PathRecord* record = journal_.find_path(path);
  return record != nullptr &&
         (now == record->before ||
          std::find(record->after.begin(), record->after.end(), now) != record->after.end());
}

void Planner::folder(const std::string& path, mode_t mode, Owner owner) {
  const bool planned = std::any_of(plan_.steps.begin(), plan_.steps.end(),
                                   [&](const Step& step) { return step.path == path; });
  if (path.empty() || planned) return;
  const PathState now = look(path);
  // A link to a folder is the host's own way to lay itself out.
  if (now.kind == Kind::Folder || now.kind == Kind::Link) {
    // One that a set-up has died over may not be its owner's yet.
    const PathRecord* record = journal_.find_path(path);
    if (record == nullptr || record->before.kind != Kind::Absent ||
        now == folder_state(mode, owner.uid, owner.gid) || now.mode != 0700 || now.uid != 0)
      return;
  } else if (now.kind != Kind::Absent) {
    plan_.conflicts.push_back(path + ": is no folder; move it away");
    return;
  }
  folder(parent_of(path), 0755, {});
  Step step;
  step.kind = Step::Kind::Folder;
  step.needed = true;
  step.what = "folder " + path;
  step.path = path;
  step.before = now;
  step.after = folder_state(mode, owner.uid, owner.gid);
  plan_.steps.push_back(std::move(step));
}

bool Planner::file(const std::string& path, Secret bytes, mode_t mode, Owner owner,
                   const std::string& what, const std::vector<std::string>& shipped) {
  folder(parent_of(path), 0755, {});
  Step step;
  step.what = what + ": " + path;
  step.path = path;
  step.before = look(path);
  step.after = file_state(bytes.reveal(), mode, owner.uid, owner.gid);
  step.bytes = std::move(bytes);
  step.needed = step.before != step.after;
  if (step.needed && step.before.kind != Kind::Absent) {
    const bool same_bytes =
        step.before.kind == Kind::File && step.before.content == step.after.content;
    const bool as_shipped =
        step.before.kind == Kind::File &&
        std::find(shipped.begin(), shipped.end(), step.before.content) != shipped.end();
    const bool possible = step.before.kind == Kind::File || step.before.kind == Kind::Link;
    if (!possible)
      plan_.conflicts.push_back(path + ": is no file; move it away");
    else if (!same_bytes && !as_shipped && !replace_ && !is_ours(path, step.before))
      plan_.conflicts.push_back(
          path +
          ": is there already, and neither as set-up has left it nor as it was shipped; "
          "compare, then use --replace (--undo brings the present one back)");
  }
  const bool needed = step.needed;
  plan_.steps.push_back(std::move(step));
  return needed;
}

void Planner::keep(const std::string& path, const std::string& what) {
  Step step;
  step.what = what + ": " + path;
  step.path = path;
  step.before = step.after = look(path);
  plan_.steps.push_back(std::move(step));
}

bool Planner::no_file(const std::string& path, const std::string& what) {
  const PathRecord* record = journal_.find_path(path);
  const PathState now = look(path);
  if (record == nullptr || now.kind != Kind::File || now == record->before) return false;
  if (!is_ours(path, now)) {
    note(path + ": is wanted no more, and stays, because somebody else has changed it");
    return false;
  }
  Step step;
  step.needed = true;
  step.what = what + ", which goes: " + path;
  step.path = path;
  step.before = now;
  plan_.steps.push_back(std::move(step));
  return true;
}

void Planner::store(const TrustStore& store, const std::string& anchor, bool changed) {
  Step step;
  step.kind = Step::Kind::Store;
  step.store = &store;
  step.what = "certificates that the system trusts: " + store.update.front();
  if (!anchor.empty()) step.anchor = crypto::hex_encode(crypto::sha256(anchor));
  const StoreRecord* record = journal_.find_store(store.name);
  const bool finished = record == nullptr || (record->after && record->anchor == step.anchor);
  const bool holds = exists(store.bundle) && bundle_holds(read_file(store.bundle).reveal(), anchor);
  step.needed = changed || !finished || (!anchor.empty() && !holds);
  plan_.steps.push_back(std::move(step));
}

void Planner::units(std::vector<UnitRecord> now, bool restart, bool offline) {
  Step step;
  step.kind = Step::Kind::Units;
  step.what = "services:";
  for (const UnitRecord& unit : now) {
    step.needed = step.needed || !unit.enabled || (!offline && !unit.active);
    step.restart = step.restart || (restart && !offline && unit.active);
    step.what += " " + unit.unit;
  }
  step.needed = step.needed || step.restart;
  step.units = std::move(now);
  plan_.steps.push_back(std::move(step));
}

}  // namespace veilwire::setup
