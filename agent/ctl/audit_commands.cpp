#include "agent/ctl/audit_commands.h"

#include "agent/ctl/audit_ledger.h"
#include "agent/ctl/audit_text.h"
#include "agent/ctl/audit_views.h"
#include "agent/host/config.h"

#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include <CLI/CLI.hpp>
#include <unistd.h>

namespace veilwire::ctl {
namespace {

struct Options {
  std::string ledger;
  std::string since;
  recorder::ExchangeFilter filter;
  ReplayOptions replay;
  std::string id;
  bool json = false;
};

using Work = std::function<int(recorder::LedgerReader&, const Screen&)>;

int with_ledger(const CLI::App& app, const Options& options, const Work& work) {
  const Screen screen{.out = std::cout, .err = std::cerr, .terminal = ::isatty(STDOUT_FILENO) == 1};
  try {
    std::string path = options.ledger;
    if (path.empty()) {
      const CLI::Option* config = app.get_option("--config");
      const bool given = config->count() != 0;
      path = ledger_path(given ? config->as<std::string>() : host::kDefaultConfig, given);
    }
    auto ledger = open_ledger(path, screen.err);
    return ledger ? work(*ledger, screen) : kAuditFailed;
  } catch (const recorder::SqliteError& e) {
    screen.err << "veilwire: the ledger cannot be read: " << e.what() << '\n';
    return kAuditFailed;
  }
}

void add_list(CLI::App& app, CLI::App& audit, const std::shared_ptr<Options>& o, int& exit_code) {
  CLI::App* list = audit.add_subcommand("list", "what went through, newest first");
  list->add_option("--since", o->since,
                   "from this time on: 90s, 30m, 12h, 7d, today, 2026-11-23, \"2026-11-23 18:00\" "
                   "(UTC)")
      ->type_name("TIME");
  list->add_option("--person", o->filter.person, "a name, a subject or a uid, exactly")
      ->type_name("WHO");
  list->add_option("--limit", o->filter.limit, "at most so many")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  list->add_flag("--json", o->json, "a JSON array instead of a table");
  list->footer("Exit code: 0, 1 the ledger cannot be read, 2 wrong usage.");
  list->callback([&app, o, &exit_code] {
    if (!o->since.empty()) {
      const auto now = std::chrono::system_clock::now().time_since_epoch();
      o->filter.since_wall_ns =
          parse_since(o->since, std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
      if (!o->filter.since_wall_ns)
        throw CLI::ValidationError("--since", "\"" + visible_line(o->since) + "\" is no time");
    }
    exit_code = with_ledger(app, *o, [&](recorder::LedgerReader& ledger, const Screen& screen) {
      return audit_list(ledger, o->filter, o->json, screen);
    });
  });
}

void add_show(CLI::App& app, CLI::App& audit, const std::shared_ptr<Options>& o, int& exit_code) {
  CLI::App* show = audit.add_subcommand("show", "everything that is recorded about one exchange");
  show->add_option("ID", o->id, "SESSION.EXCHANGE, as in the list; SESSION may be abbreviated")
      ->required();
  show->add_flag("--json", o->json, "its records, as they were committed");
  show->footer(
      "Exit code: 0, 1 the ledger cannot be read, 2 wrong usage, 3 there is no such exchange.");
  show->callback([&app, o, &exit_code] {
    exit_code = with_ledger(app, *o, [&](recorder::LedgerReader& ledger, const Screen& screen) {
      return audit_show(ledger, o->id, o->json, screen);
    });
  });
}

void add_replay(CLI::App& app, CLI::App& audit, const std::shared_ptr<Options>& o, int& exit_code) {
  CLI::App* replay = audit.add_subcommand("replay", "what the person saw, as it came");
  replay->description(
      "Writes what was released to the client, with its timing. Of a streamed answer of the "
      "Messages API the text is shown, of everything else the bytes, control characters escaped.");
  replay->add_option("ID", o->replay.id, "as for show")->required();
  replay->add_option("--speed", o->replay.speed, "so many times as fast")
      ->type_name("N")
      ->check(CLI::Range(0.001, 1e6));
  replay->add_flag("--no-wait", o->replay.no_wait, "everything at once");
  replay->add_flag("--raw", o->replay.raw,
                   "exactly the bytes that were released; not to a terminal");
  replay->footer(
      "Exit code: 0, 1 the ledger cannot be read, 2 wrong usage, 3 there is no such exchange.");
  replay->callback([&app, o, &exit_code] {
    o->replay.sleep = [](std::chrono::nanoseconds pause) { std::this_thread::sleep_for(pause); };
    exit_code = with_ledger(app, *o, [&](recorder::LedgerReader& ledger, const Screen& screen) {
      return audit_replay(ledger, o->replay, screen);
    });
  });
}

}  // namespace

void add_audit(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<Options>();
  CLI::App* audit = app.add_subcommand("audit", "list, show and replay what has been recorded");
  audit->require_subcommand(1);
  audit->add_option("--ledger", options->ledger, "the ledger's file (default: the configured one)")
      ->type_name("FILE");
  add_list(app, *audit, options, exit_code);
  add_show(app, *audit, options, exit_code);
  add_replay(app, *audit, options, exit_code);
}

}  // namespace veilwire::ctl
