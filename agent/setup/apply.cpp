#include "agent/setup/apply.h"

#include <stdexcept>
#include <variant>
#include <vector>

namespace veilwire::setup {
namespace {

using Kind = PathState::Kind;

void run(const Hands& hands, const std::vector<std::string>& command) {
  const ToolResult result = hands.run(command);
  if (result.status != 0) throw std::runtime_error(failure_of(command, result));
}

void put(const Step& step, const Hands& hands) {
  if (look(step.path) != step.before)
    throw std::runtime_error(step.path + ": has changed while set-up was at work; try again");
  hands.journal.will_change(step.path, step.before, step.after);
  const PathState& to = step.after;
  if (step.kind == Step::Kind::Folder)
    hands.disk.put_folder(step.path, to.mode, to.uid, to.gid);
  else if (to.kind == Kind::Absent)
    hands.disk.remove_file(step.path);
  else
    hands.disk.put_file(step.path, step.bytes.reveal(), to.mode, to.uid, to.gid);
}

void update_store(const Step& step, const Hands& hands) {
  const TrustStore& store = *step.store;
  hands.journal.will_run(store.name, digest_of_sources(store), tree_of({store.derived}));
  run(hands, step.anchor.empty() ? store.make_new : store.update);
  hands.journal.has_run(store.name, step.anchor, tree_of({store.derived}));
}

void start_units(const Step& step, const Hands& hands) {
  if (!hands.offline) run(hands, {"systemctl", "daemon-reload"});
  for (const UnitRecord& unit : step.units) {
    hands.journal.will_start(unit);
    if (!unit.enabled) run(hands, {"systemctl", "--quiet", "enable", unit.unit});
    if (hands.offline) continue;
    if (!unit.active)
      run(hands, {"systemctl", "start", unit.unit});
    else if (step.restart)
      run(hands, {"systemctl", "restart", unit.unit});
  }
}

}  // namespace

void clear_unfinished(const Hands& hands) {
  for (const Record& record : hands.journal.records()) {
    if (const auto* path = std::get_if<PathRecord>(&record))
      hands.disk.remove_unfinished(path->path);
    if (const auto* store = std::get_if<StoreRecord>(&record))
      for (const auto& [path, state] : store->before) hands.disk.remove_unfinished(path);
  }
}

void apply(const Plan& plan, const Hands& hands) {
  clear_unfinished(hands);
  for (const Step& step : plan.steps) {
    if (!step.needed) continue;
    switch (step.kind) {
      case Step::Kind::Folder:
      case Step::Kind::File:
        put(step, hands);
        break;
      case Step::Kind::Store:
        update_store(step, hands);
        break;
      case Step::Kind::Units:
        start_units(step, hands);
        break;
    }
    if (hands.say) hands.say(step.what);
  }
}

}  // namespace veilwire::setup
