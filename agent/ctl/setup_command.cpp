#include "agent/ctl/setup_command.h"

#include "agent/ctl/policy_files.h"
#include "agent/ctl/setup_report.h"
#include "agent/ctl/status.h"
#include "agent/host/clock.h"
#include "agent/host/config.h"
#include "agent/host/confinement.h"
#include "agent/setup/agent_tables.h"
#include "agent/setup/apply.h"
#include "agent/setup/authority.h"
#include "agent/setup/handshake.h"
#include "agent/setup/questions.h"
#include "agent/setup/trust_store.h"
#include "agent/setup/undo.h"
#include "agent/setup/wishes.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <CLI/CLI.hpp>
#include <unistd.h>

namespace veilwire::ctl {
namespace {

// Where a fleet puts its answers, and veilwire-setup.service looks.
constexpr const char* kPreseed = "/etc/veilwire/setup.toml";

constexpr const char* kRotation =
    "a rotation of the CA (veilwire-signer add-ca, switch-ca, drop-ca)";

// One try; a connection that nobody answers is not waited for longer.
constexpr std::chrono::seconds kHandshake{5};

struct Screen {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool asks = false;  // a person is there
};

void enter(const std::string& root) {
  if (root.empty()) return;
  if (::chroot(root.c_str()) != 0 || ::chdir("/") != 0)
    throw std::runtime_error(root + ": cannot be entered: " + std::strerror(errno));
}

std::vector<std::string> policy_hosts(std::string_view text, const std::string& path) {
  const auto files = load_policy_text(text, path);
  if (!files) {
    std::string all = "the policy has mistakes:";
    for (const policy::PolicyError& problem : files.error()) all += "\n" + to_string(problem);
    throw std::runtime_error(all);
  }
  std::vector<std::string> hosts;
  for (const policy::Host& host : files->policy.hosts) hosts.push_back(host.name);
  return hosts;
}

setup::Machine machine_of(const SetupOptions& options) {
  setup::Machine machine;
  machine.now = host::now().wall;
  machine.share =
      (std::filesystem::path(options.program_folder).parent_path() / "share/veilwire").string();
  machine.config = options.config;
  machine.offline = !options.root.empty();
  machine.replace = options.replace;
  machine.run = setup::run_tool;
  machine.user = [](const std::string& name) {
    const host::UserId id = host::resolve_user(name);
    return setup::Planner::Owner{id.uid, id.gid};
  };
  machine.hosts = policy_hosts;
  return machine;
}

// The installed policy's, as what a person is proposed; none where it cannot be read.
std::vector<std::string> proposed_hosts(const setup::Machine& machine) try {
  for (const std::string& path :
       {std::string("/etc/veilwire/policy.toml"), machine.share + "/policies/default.toml"})
    if (setup::exists(path)) return policy_hosts(setup::read_file(path).reveal(), path);
  return {};
} catch (const std::exception&) {
  return {};
}

// Programs that have just been started need a moment.
bool becomes_well(const SetupOptions& options, int seconds, std::string& said) {
  const auto places = status_places(options.config, true, options.program_folder);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  for (;;) {
    std::ostringstream text;
    const bool well = run_status(places, false, text) == 0;
    said = text.str();
    if (well || std::chrono::steady_clock::now() >= end) return well;
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

bool confirmed(const SetupOptions& options, const Screen& screen, const char* question) {
  if (options.yes) return true;
  return setup::ask_yes(screen.in, screen.out, question, false);
}

setup::Answers answers_of(const SetupOptions& options, const Screen& screen) {
  if (!options.from.empty()) return setup::load_answers(options.from);
  const std::string text =
      setup::ask_answers(screen.in, screen.out, proposed_hosts(machine_of(options)));
  screen.out << "\nYour answers, as a file for --from on other hosts:\n\n" << text << '\n';
  return setup::read_answers(text, "your answers");
}

// Whether clients are caught where this process is: in the configured cgroup, or below it.
bool is_caught(const std::string& cgroup) {
  constexpr std::string_view kMounts = "/sys/fs/cgroup";
  if (cgroup == "/") return true;
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("0::")) continue;
    // It may be named with the mount in front of it.
    for (std::filesystem::path own = line.substr(3); own != "/"; own = own.parent_path())
      if (cgroup == own || (cgroup.starts_with(kMounts) && cgroup.ends_with(own.string())))
        return true;
  }
  return false;
}

// What status cannot say: whether a client meets the agent. The proxy resolves an intercepted host
// a moment after it has started; until then a connection may go past it.
bool answers_clients(const setup::Wishes& wishes, const setup::Answers& answers,
                     SetupReport& report) {
  const auto host = std::find_if(wishes.hosts.begin(), wishes.hosts.end(),
                                 [](const std::string& name) { return !name.starts_with('*'); });
  if (host == wishes.hosts.end() || !is_caught(wishes.facts.cgroup)) {
    report.done("Everything runs and is well.");
    return true;
  }
  const std::string chain(setup::read_file(wishes.facts.certificate).reveal());
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(answers.wait_seconds);
  for (;;) {
    const setup::Handshake met = setup::try_handshake({*host, *host}, chain, kHandshake);
    const bool late = std::chrono::steady_clock::now() >= end;
    if (met.seen == setup::Handshake::Seen::Agent) {
      report.done("Everything runs and is well; who connects to " + *host + " meets the agent.");
      return true;
    }
    if (late && met.seen == setup::Handshake::Seen::Other) {
      report.unwell("a connection to " + *host + " goes past the agent: " + met.detail + "\n");
      return false;
    }
    // The network may not be there yet, or not at all.
    if (late || met.seen == setup::Handshake::Seen::Nothing) {
      report.done("Everything runs and is well; " + *host + " could not be tried: " + met.detail);
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

int finish(const SetupOptions& options, const setup::Answers& answers, const setup::Wishes& wishes,
           SetupReport& report, setup::Journal& journal) {
  if (wishes.waiting) {
    report.waiting(wishes.request, answers.certificate);
    return kSetupWaiting;
  }
  const std::string mark = "set-up is done; veilwire setup --undo takes it back\n";
  const std::string path = journal.folder() + "/done";
  if (!setup::exists(path) || setup::read_file(path).reveal() != mark) journal.mark_done(mark);
  if (!options.root.empty() || !answers.start) {
    report.done("Done; nothing was started.");
    return kSetupDone;
  }
  std::string said;
  const bool well = becomes_well(options, answers.wait_seconds, said);
  if (!well) {
    report.unwell(said);
    return kSetupUnwell;
  }
  return answers_clients(wishes, answers, report) ? kSetupDone : kSetupUnwell;
}

int set_up(const SetupOptions& options, const Screen& screen) {
  const setup::Answers answers = answers_of(options, screen);
  setup::Given given = setup::read_given(answers);
  enter(options.root);
  setup::Disk disk;
  setup::Journal journal(setup::kJournalFolder, disk);
  const setup::Machine machine = machine_of(options);
  const setup::Wishes wishes = setup::plan_wishes(answers, std::move(given), machine, journal);
  SetupReport report(screen.out, screen.err, options.json);
  report.plan(wishes.plan, options.dry_run);
  if (!wishes.plan.conflicts.empty()) {
    report.conflict(wishes.plan.conflicts);
    return kSetupConflict;
  }
  if (options.dry_run) {
    report.planned();
    return kSetupDone;
  }
  if (wishes.plan.changes() && !confirmed(options, screen, "Shall this be done?")) {
    screen.err << "Nothing was changed.\n";
    return kSetupFailed;
  }
  setup::apply(wishes.plan, {disk, journal, setup::run_tool, machine.offline,
                             [&](const std::string& line) { report.step(line); }});
  return finish(options, answers, wishes, report, journal);
}

int take_back(const SetupOptions& options, const Screen& screen) {
  enter(options.root);
  setup::Disk disk;
  setup::Journal journal(setup::kJournalFolder, disk);
  SetupReport report(screen.out, screen.err, options.json);
  if (journal.empty()) {
    report.nothing_to_undo();
    return kSetupDone;
  }
  setup::UndoOptions undo;
  undo.force = options.force;
  undo.detach = {options.program_folder + "/veilwire-redirector", "detach"};
  std::optional<setup::AgentFacts> facts;
  try {
    if (setup::exists(options.config))
      facts = setup::agent_facts(setup::read_file(options.config).reveal(), options.config);
  } catch (const host::ConfigError&) {
    if (options.keep_keys) throw;  // where they are stands in it
  }
  std::string certificates;
  if (facts) {
    if (options.keep_keys) undo.keep = {facts->certificate, facts->key, facts->site_key};
    for (const std::string& file : {facts->certificate, facts->key})
      undo.changed_by[file] = kRotation;
    if (setup::exists(facts->certificate))
      certificates = setup::read_file(facts->certificate).reveal();
  }
  const setup::TrustStore* store = setup::detect_store(setup::exists);
  if (store != nullptr) undo.changed_by[store->anchor] = kRotation;
  // Where a fleet's answers still lie, the next boot must not follow them again.
  if (setup::exists(kPreseed))
    undo.leave_mark = std::string("set-up was undone; remove this file to have ") + kPreseed +
                      " followed at the next boot\n";
  const setup::UndoPlan plan = setup::plan_undo(journal, undo);
  report.undo_plan(plan.lines, options.dry_run);
  if (!plan.conflicts.empty() && !options.force) {
    report.conflict(plan.conflicts);
    return kSetupConflict;
  }
  if (options.dry_run) {
    report.planned();
    return kSetupDone;
  }
  if (!confirmed(options, screen, "Shall this be undone?")) {
    screen.err << "Nothing was changed.\n";
    return kSetupFailed;
  }
  setup::undo(undo, {disk, journal, setup::run_tool, !options.root.empty(),
                     [&](const std::string& line) { report.step(line); }});
  if (store != nullptr && setup::exists(store->bundle))
    for (const std::string& subject :
         setup::trusted_still(certificates, setup::read_file(store->bundle).reveal()))
      report.step("left " + subject +
                  " trusted: set-up has not put it there; take its certificate out of " +
                  std::filesystem::path(store->anchor).parent_path().string() + " and run " +
                  store->make_new.front());
  report.undone(undo.leave_mark.empty() ? "" : journal.folder() + "/done");
  return kSetupDone;
}

}  // namespace

int run_setup(const SetupOptions& options, std::istream& in, std::ostream& out,
              std::ostream& err) try {
  const Screen screen{in, out, err, ::isatty(STDIN_FILENO) == 1 && !options.json};
  if (!screen.asks && !options.undo && options.from.empty()) {
    err << "veilwire setup: nobody can be asked here: give the answers with --from FILE\n";
    return kSetupUsage;
  }
  if (!screen.asks && !options.yes && !options.dry_run) {
    err << "veilwire setup: nobody can be asked here: say --yes, or --dry-run to see the plan\n";
    return kSetupUsage;
  }
  if (::geteuid() != 0) {
    err << "veilwire setup: needs root\n";
    return kSetupFailed;
  }
  // Neither a reader who has gone nor a peer ends this half way.
  ::signal(SIGPIPE, SIG_IGN);
  return options.undo ? take_back(options, screen) : set_up(options, screen);
} catch (const host::ConfigError& e) {
  err << "veilwire setup: " << e.what() << '\n';
  return kSetupUsage;
} catch (const std::exception& e) {
  err << "veilwire setup: " << e.what() << '\n';
  return kSetupFailed;
}

void add_setup(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "setup", "make this host ready: CA, trust, policy, services; or take that back");
  command->footer(
      "Shows first what it will do. What is there already is left alone, and what somebody else\n"
      "has put there is not overwritten. Everything that is touched is kept, and --undo brings\n"
      "it back. See veilwire-setup(8) for the answers file.\n\n"
      "Exit code: 0 done or nothing to do, 1 failed, 2 wrong usage or answers, 3 somebody else's\n"
      "work is in the way and nothing was done, 4 the CA's certificate has to be signed first,\n"
      "5 done, but not everything is well.\n\n"
      "Examples:\n"
      "  veilwire setup\n"
      "  veilwire setup --from /etc/veilwire/setup.toml --yes\n"
      "  veilwire setup --undo");
  auto options = std::make_shared<SetupOptions>();
  command->add_option("--from", options->from, "the answers, instead of asking")->type_name("FILE");
  command->add_flag("--dry-run", options->dry_run, "show what would be done, and do nothing");
  command->add_flag("--json", options->json, "one JSON object instead of text");
  command->add_flag("--yes", options->yes, "do not ask whether it shall be done");
  command->add_flag("--replace", options->replace,
                    "put our files in place of what somebody else has put there");
  command
      ->add_option("--root", options->root,
                   "set up the system in this folder, as for an image; nothing is started")
      ->type_name("DIR")
      ->check(CLI::ExistingDirectory);
  CLI::Option* undo = command->add_flag("--undo", options->undo, "take everything back");
  command->add_flag("--force", options->force, "also where somebody else has changed a file since")
      ->needs(undo);
  command
      ->add_flag("--keep-keys", options->keep_keys,
                 "leave the CA and the site key, for a later set-up")
      ->needs(undo);
  command->callback([&app, &exit_code, options, command, undo] {
    for (const char* name : {"--from", "--replace"})
      if (undo->count() != 0 && command->get_option(name)->count() != 0)
        throw CLI::ValidationError(name, "goes not with --undo");
    options->config = app.get_option("--config")->as<std::string>();
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    options->program_folder = error ? "/usr/sbin" : self.parent_path().string();
    exit_code = run_setup(*options, std::cin, std::cout, std::cerr);
  });
}

}  // namespace veilwire::ctl
