#include "agent/ctl/setup_report.h"

#include "agent/ctl/audit_text.h"

#include <ostream>

#include <nlohmann/json.hpp>

namespace veilwire::ctl {

using nlohmann::json;

struct SetupReport::State {
  std::ostream& out;
  std::ostream& err;
  bool as_json = false;
  json document;
  bool dry_run = false;

  void say(const std::string& line) const {
    if (!as_json) out << visible_line(line) << '\n';
  }
  void end(const char* result) {
    document["result"] = result;
    if (as_json) out << document.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
  }
};

SetupReport::SetupReport(std::ostream& out, std::ostream& err, bool as_json)
    : state_(std::make_unique<State>(State{out, err, as_json, json::object(), false})) {}
SetupReport::~SetupReport() = default;

void SetupReport::plan(const setup::Plan& plan, bool dry_run) {
  State& s = *state_;
  s.dry_run = dry_run;
  s.document["changed"] = plan.changes() && plan.conflicts.empty();
  s.document["dry_run"] = dry_run;
  s.document["notes"] = plan.notes;
  json& steps = s.document["steps"] = json::array();
  for (const setup::Step& step : plan.steps) {
    steps.push_back({{"what", step.what}, {"needed", step.needed}});
    if (!step.path.empty()) steps.back()["path"] = step.path;
  }
  s.say(plan.changes() ? "To be done:" : "Everything is there already:");
  for (const setup::Step& step : plan.steps)
    s.say(std::string(step.needed ? "  + " : "  = ") + step.what);
  for (const std::string& note : plan.notes) s.say("  ! " + note);
  s.say("");
}

void SetupReport::undo_plan(const std::vector<std::string>& lines, bool dry_run) {
  State& s = *state_;
  s.dry_run = dry_run;
  s.document["changed"] = true;
  s.document["dry_run"] = dry_run;
  s.document["steps"] = lines;
  s.say("To be undone:");
  for (const std::string& line : lines) s.say("  - " + line);
  s.say("");
}

void SetupReport::step(const std::string& line) {
  state_->document["done"].push_back(line);
  state_->say("done: " + line);
}

void SetupReport::planned() {
  state_->say("Nothing was changed.");
  state_->end("planned");
}

void SetupReport::conflict(const std::vector<std::string>& lines) {
  State& s = *state_;
  s.document["changed"] = false;
  s.document["conflicts"] = lines;
  for (const std::string& line : lines) s.err << "veilwire setup: " << visible_line(line) << '\n';
  s.err << "veilwire setup: nothing was changed\n";
  s.end("conflict");
}

void SetupReport::waiting(const std::string& request, const std::string& certificate) {
  State& s = *state_;
  s.document["request"] = request;
  s.say("Now the organisation's CA has to sign " + request + ", as it is.");
  s.say("Put the certificate, with those above it up to the root, into " +
        (certificate.empty() ? "a file, name it as certificate in [ca]" : certificate) +
        ", and run this again. Nothing is intercepted until then.");
  s.end("waiting");
}

void SetupReport::unwell(const std::string& status) {
  State& s = *state_;
  s.document["status"] = status;
  if (!s.as_json) s.out << '\n' << status << '\n';
  s.err << "veilwire setup: everything was done, and not everything is well; see above and "
           "journalctl -u 'veilwire*'. veilwire setup --undo takes it back\n";
  s.end("unwell");
}

void SetupReport::done(const std::string& how) {
  state_->say(how);
  state_->document["said"] = how;
  state_->end("done");
}

void SetupReport::nothing_to_undo() {
  state_->document["changed"] = false;
  state_->say("Nothing to undo: this host was not set up, or that was undone.");
  state_->end("nothing to undo");
}

void SetupReport::undone(const std::string& mark) {
  State& s = *state_;
  s.say("Undone. The ledger and whatever else the programs have written stay.");
  if (!mark.empty()) {
    s.document["mark"] = mark;
    s.say("/etc/veilwire/setup.toml is still there; " + mark +
          " keeps the next boot from following it again.");
  }
  s.end("undone");
}

}  // namespace veilwire::ctl
