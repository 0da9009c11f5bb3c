#include "agent/ctl/audit_commands.h"

#include "agent/ctl/audit_backup.h"
#include "agent/ctl/audit_ledger.h"
#include "agent/ctl/audit_open.h"
#include "agent/ctl/audit_proof.h"
#include "agent/ctl/audit_serve.h"
#include "agent/ctl/audit_sinks.h"
#include "agent/ctl/audit_text.h"
#include "agent/ctl/audit_views.h"
#include "agent/host/config.h"
#include "agent/host/program.h"
#include "agent/host/protocol/status.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <unistd.h>

namespace veilwire::ctl {
namespace {

constexpr int kForwarderPatienceMs = 2000;

struct Options {
  std::string ledger;
  std::string since, until;
  recorder::ExchangeFilter filter;
  StatsOptions stats;
  ReportOptions report;
  ReplayOptions replay;
  std::string serve;
  std::string id;
  bool json = false;
  std::string bundle;
  std::vector<std::string> keys, witnesses;
  ExportOptions exported;
  SinksOptions sinks;
  std::string format = "bundle", level = "masked";  // of the export
  OpenOptions opened;
  BackupOptions backup;
};

using Work = std::function<int(recorder::LedgerReader&, const Screen&)>;

Screen the_screen() {
  return {.out = std::cout, .err = std::cerr, .terminal = ::isatty(STDOUT_FILENO) == 1};
}

std::string ledger_of(const CLI::App& app, const Options& options) {
  if (!options.ledger.empty()) return options.ledger;
  const CLI::Option* config = app.get_option("--config");
  const bool given = config->count() != 0;
  return ledger_path(given ? config->as<std::string>() : host::kDefaultConfig, given);
}

int with_ledger(const CLI::App& app, const Options& options, const Work& work) {
  const Screen screen = the_screen();
  try {
    auto ledger = open_ledger(ledger_of(app, options), screen.err);
    return ledger ? work(*ledger, screen) : kAuditFailed;
  } catch (const recorder::SqliteError& e) {
    screen.err << "veilwire: the ledger cannot be read: " << e.what() << '\n';
    return kAuditFailed;
  }
}

// Each a key, or a file that holds one and nothing else.
std::vector<proof::NoteVerifier> read_verifiers(const std::string& option,
                                                const std::vector<std::string>& given) {
  std::vector<proof::NoteVerifier> out;
  for (const std::string& text : given) {
    std::string spelled = text;
    if (std::ifstream file(text); file) std::getline(file, spelled);
    auto verifier = proof::NoteVerifier::parse(spelled);
    if (!verifier)
      throw CLI::ValidationError(option, "\"" + visible_line(text) +
                                             "\" is neither a key, as "
                                             "NAME+ID+BASE64, nor a file with one");
    out.push_back(*std::move(verifier));
  }
  return out;
}

void add_filter(CLI::App& command, Options& o, bool with_decision = true) {
  const auto text = [&](const char* name, std::string& value, const char* what, const char* type) {
    return command.add_option(name, value, what)->type_name(type);
  };
  recorder::ExchangeFilter& f = o.filter;
  text("--since", o.since,
       "from this time on: 90s, 30m, 12h, 7d, today, 2026-11-23, \"2026-11-23 18:00\" (UTC)",
       "TIME");
  text("--until", o.until, "before this time", "TIME");
  text("--person", f.person, "a name, a subject or a uid, exactly", "WHO");
  text("--group", f.group, "a group of the person", "NAME");
  text("--server", f.server, "the host that was talked to", "HOST");
  text("--rule", f.rule, "what a rule has found", "ID");
  text("--category", f.category, "what rules of a category have found", "NAME");
  text("--tool", f.tool, "a tool or method of MCP", "NAME");
  text("--model", f.model, "a model", "NAME");
  std::vector<std::string> decisions;
  for (const auto& [decision, name] : recorder::kDecisions) decisions.emplace_back(name);
  if (with_decision)
    text("--decision", f.decision, "what became of it", "WHAT")->check(CLI::IsMember(decisions));
  text("--session", f.session, "the first digits of a session", "ID")
      ->check([](const std::string& id) {
        const bool fits =
            id.size() <= 16 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
        return fits ? std::string() : "\"" + visible_line(id) + "\" are no digits of a session";
      });
}

std::optional<std::int64_t> read_time(const std::string& option, const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto time =
      parse_since(text, std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  if (!time) throw CLI::ValidationError(option, "\"" + visible_line(text) + "\" is no time");
  return time;
}

void read_times(Options& o) {
  o.filter.since_wall_ns = read_time("--since", o.since);
  o.filter.until_wall_ns = read_time("--until", o.until);
}

bool is_filtered(const Options& o) {
  const recorder::ExchangeFilter& f = o.filter;
  const auto given = {&o.since, &o.until,    &f.person, &f.group,    &f.server, &f.rule,
                      &f.tool,  &f.category, &f.model,  &f.decision, &f.session};
  return std::any_of(given.begin(), given.end(),
                     [](const std::string* text) { return !text->empty(); });
}

void add_list(CLI::App& app, CLI::App& audit, const std::shared_ptr<Options>& o, int& exit_code) {
  CLI::App* list = audit.add_subcommand("list", "what went through, newest first");
  add_filter(*list, *o);
  list->add_option("--limit", o->filter.limit, "at most so many")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  list->add_flag("--json", o->json, "a JSON array instead of a table");
  list->footer("Exit code: 0, 1 the ledger cannot be read, 2 wrong usage.");
  list->callback([&app, o, &exit_code] {
    read_times(*o);
    exit_code = with_ledger(app, *o, [&](recorder::LedgerReader& ledger, const Screen& screen) {
      return audit_list(ledger, o->filter, o->json, screen);
    });
  });
}

void add_stats(CLI::App& app, CLI::App& audit, const std::shared_ptr<Options>& o, int& exit_code) {
  CLI::App* stats = audit.add_subcommand("stats", "findings and decisions, counted");
  stats->description(
      "Counts what list would list: findings, and exchanges by what became of them; by rule, "
      "category, person, group, rule and group, server, model and tool.");
  add_filter(*stats, *o);
  stats->add_option("--by", o->stats.by, "only by these")
      ->type_name("WHAT")
      ->check(CLI::IsMember(stats_names()));
  stats->add_option("--limit", o->stats.filter.limit, "at most so many of each")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000))
      ->default_val(20);
  stats->add_flag("--json", o->stats.json, "one JSON object instead of tables");
  stats->footer("Exit code: 0, 1 the ledger cannot be read, 2 wrong usage.");
  stats->callback([&app, o, &exit_code] {
    read_times(*o);
    const std::size_t limit = o->stats.filter.limit;
    o->stats.filter = o->filter;
    o->stats.filter.limit = limit;
    exit_code = with_ledger(app, *o, [&](recorder::LedgerReader& ledger, const Screen& screen) {
      return audit_stats(ledger, o->stats, screen);
    });
  });
}

void add_report(CLI::App& app, CLI::App& audit, const std::shared_ptr<Options>& o, int& exit_code) {
  CLI::App* report =
      audit.add_subcommand("report", "what would have been changed where policy only observes");
  report->description(
      "Of a policy with mode = \"observe\": what it would have masked, blocked and refused, by "
      "rule "
      "with masked examples, person, group, server, model and tool; what was not inspected; and "
      "what to do next. Of the last seven days unless said otherwise.");
  add_filter(*report, *o, false);
  report->add_option("--examples", o->report.examples, "so many of each rule")
      ->type_name("N")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  report->add_option("--limit", o->report.filter.limit, "at most so many of each")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000))
      ->default_val(20);
  report->add_flag("--json", o->report.json, "one JSON object instead of text");
  report->footer("Exit code: 0, 1 the ledger cannot be read, 2 wrong usage.");
  report->callback([&app, o, &exit_code] {
    if (o->since.empty()) o->since = "7d";
    read_times(*o);
    const std::size_t limit = o->report.filter.limit;
    o->report.filter = o->filter;
    o->report.filter.limit = limit;
    exit_code = with_ledger(app, *o, [&](recorder::LedgerReader& ledger, const Screen& screen) {
      return audit_report(ledger, o->report, screen);
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
  CLI::Option* raw = replay->add_flag("--raw", o->replay.raw,
                                      "exactly the bytes that were released; not to a terminal");
  CLI::Option* serve =
      replay
          ->add_option("--serve", o->serve,
                       "answer HTTP with it, for a real client; on a free port of 127.0.0.1 unless "
                       "said otherwise")
          ->type_name("[[ADDRESS:]PORT]")
          ->expected(0, 1)
          ->excludes(raw);
  replay->footer(
      "Exit code: 0, 1 the ledger cannot be read, 2 wrong usage, 3 there is no such exchange.");
  replay->callback([&app, o, serve, &exit_code] {
    if (serve->count() != 0) {
      const auto address = parse_serve_address(o->serve);
      if (!address)
        throw CLI::ValidationError(
            "--serve", "\"" + visible_line(o->serve) + "\" is no numeric address with a port");
      const host::UniqueFd stop = host::stop_signals();
      exit_code = with_ledger(app, *o, [&](recorder::LedgerReader& ledger, const Screen& screen) {
        return audit_serve(ledger, o->replay, *address, stop, screen);
      });
      return;
    }
    o->replay.sleep = [](std::chrono::nanoseconds pause) { std::this_thread::sleep_for(pause); };
    exit_code = with_ledger(app, *o, [&](recorder::LedgerReader& ledger, const Screen& screen) {
      return audit_replay(ledger, o->replay, screen);
    });
  });
}

void add_verify(CLI::App& app, CLI::App& audit, const std::shared_ptr<Options>& o, int& exit_code) {
  CLI::App* verify = audit.add_subcommand("verify", "is the ledger, or a bundle, what was signed");
  verify->description(
      "Hashes every record anew and compares with the checkpoints that the recorder has signed. "
      "Of a bundle (see export), which needs no ledger, each record's own proof is verified.");
  verify->add_option("--bundle", o->bundle, "verify this file instead of the ledger")
      ->type_name("FILE");
  verify
      ->add_option("--key", o->keys,
                   "a key of the log that you trust: NAME+ID+BASE64, or a file with it")
      ->type_name("KEY");
  verify->add_option("--witness", o->witnesses, "likewise of a witness; with --bundle")
      ->type_name("KEY");
  verify->add_flag("--json", o->json, "one JSON object instead of text");
  verify->footer("Exit code: 0 it holds, 1 it cannot be read, 2 wrong usage, 4 it does not hold.");
  verify->callback([&app, o, &exit_code] {
    const VerifyOptions options{.keys = read_verifiers("--key", o->keys),
                                .witnesses = read_verifiers("--witness", o->witnesses),
                                .json = o->json,
                                .progress = ::isatty(STDERR_FILENO) == 1};
    if (!o->bundle.empty()) {
      exit_code = audit_verify_bundle(o->bundle, options, the_screen());
      return;
    }
    exit_code = with_ledger(app, *o, [&](recorder::LedgerReader& ledger, const Screen& screen) {
      return audit_verify(ledger, options, screen);
    });
  });
}

void read_format(Options& o, bool level_given) {
  const auto* const format = std::find(kExportFormats.begin(), kExportFormats.end(), o.format);
  o.exported.format = static_cast<ExportFormat>(format - kExportFormats.begin());
  o.exported.level = projection::parse_level(o.level).value_or(projection::Level::Masked);
  o.exported.version = VEILWIRE_VERSION;
  if (level_given && o.exported.format == ExportFormat::Bundle)
    throw CLI::ValidationError("--level", "a bundle proves whole records: choose another --format");
  if (o.exported.format == ExportFormat::Har && o.exported.level == projection::Level::Findings)
    throw CLI::ValidationError("--level", "HAR has no words for findings alone");
}

void add_export(CLI::App& app, CLI::App& audit, const std::shared_ptr<Options>& o, int& exit_code) {
  CLI::App* command =
      audit.add_subcommand("export", "records with their proofs, or as other tools read them");
  command->description(
      "Writes a bundle: lines of JSON, each a record with the proof that it is in the log, under "
      "the last checkpoint. `veilwire audit verify --bundle` needs nothing else. The other formats "
      "prove nothing: HAR 1.2, OCSF 1.8 and lines of JSON, an exchange each.");
  command->add_option("ID", o->exported.ids, "exchanges, as for show");
  add_filter(*command, *o);
  command->add_flag("--all", o->exported.all, "every record of the ledger");
  command
      ->add_option("-o,--out", o->exported.out,
                   "a file that does not exist yet, compressed where its name ends in .zst; \"-\" "
                   "is standard output")
      ->type_name("FILE")
      ->required();
  const std::vector<std::string> formats(kExportFormats.begin(), kExportFormats.end());
  command->add_option("--format", o->format, "what is written")
      ->type_name("FORMAT")
      ->check(CLI::IsMember(formats))
      ->capture_default_str();
  CLI::Option* level =
      command->add_option("--level", o->level, "how much of it; not for a bundle, which is all")
          ->type_name("LEVEL")
          ->check(CLI::IsMember({"masked", "metadata", "findings"}))
          ->capture_default_str();
  command->footer(
      "Exit code: 0, 1 the ledger cannot be read or the file not written, 2 wrong usage,\n"
      "3 there is nothing to export.");
  command->callback([&app, o, level, &exit_code] {
    read_times(*o);
    read_format(*o, level->count() != 0);
    const bool filtered = is_filtered(*o);
    if ((o->exported.all ? 1 : 0) + (filtered ? 1 : 0) + (o->exported.ids.empty() ? 0 : 1) != 1)
      throw CLI::ValidationError("export", "name exchanges, or what to find them by, or --all");
    o->exported.filter = o->filter;
    o->exported.filter.limit = 1'000'000;
    exit_code = with_ledger(app, *o, [&](recorder::LedgerReader& ledger, const Screen& screen) {
      return audit_export(ledger, o->exported, screen);
    });
  });
}

// From the forwarder's own socket, if it answers.
std::string forwarder_status(const CLI::App& app) {
  constexpr const char* kDefault = "/run/veilwire-forwarder/forwarder-status.sock";
  const CLI::Option* option = app.get_option("--config");
  const bool given = option->count() != 0;
  const std::string config = given ? option->as<std::string>() : host::kDefaultConfig;
  const std::string socket =
      given || std::filesystem::exists(config)
          ? host::Config::load(config).section("forwarder").text("status_socket", kDefault)
          : kDefault;
  auto document = host::protocol::ask_status(socket, kForwarderPatienceMs);
  return document ? *std::move(document) : std::string();
}

void add_sinks(CLI::App& app, CLI::App& audit, const std::shared_ptr<Options>& o, int& exit_code) {
  CLI::App* sinks = audit.add_subcommand("sinks", "where the ledger goes, and how far each is");
  sinks->description(
      "Lists each destination that veilwire-forwarder has delivered to: how many records it is "
      "behind, since when, and what it has refused for good.");
  sinks
      ->add_option("--refused", o->sinks.dead_letters,
                   "what this sink has refused for good, record by record")
      ->type_name("SINK");
  sinks->add_flag("--json", o->json, "JSON instead of a table");
  sinks->footer(
      "Exit code: 0, 1 the ledger cannot be read, 2 wrong usage, 3 there is no such sink.");
  sinks->callback([&app, o, &exit_code] {
    o->sinks.json = o->json;
    o->sinks.now_wall_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count();
    o->sinks.ask_forwarder = [&app] { return forwarder_status(app); };
    exit_code = with_ledger(app, *o, [&](recorder::LedgerReader& ledger, const Screen& screen) {
      return audit_sinks(ledger, o->sinks, screen);
    });
  });
}

void add_open(CLI::App& app, CLI::App& audit, const std::shared_ptr<Options>& o, int& exit_code) {
  CLI::App* command = audit.add_subcommand("open", "originals, with an auditor's key");
  command->description(
      "Opens what policy has kept: requests as they were typed, answers as they were sent, before "
      "anything was masked. Best done where the key is at home, on a bundle (see export).");
  OpenOptions& open = o->opened;
  command->add_option("ID", open.id, "SESSION or SESSION.EXCHANGE; SESSION may be abbreviated")
      ->required();
  CLI::Option* key = command->add_option("--key", open.key, "the auditor's private key, in PEM")
                         ->type_name("FILE");
  CLI::Option* certificate =
      command->add_option("--certificate", open.certificate, "the auditor's certificate, in PEM")
          ->type_name("FILE");
  key->needs(certificate);
  certificate->needs(key);
  command
      ->add_option("--passphrase-file", open.passphrase_file,
                   "its first line opens the private key; otherwise the terminal is asked")
      ->type_name("FILE")
      ->needs(key);
  command
      ->add_option("--session-key", open.session_key,
                   "instead of both, the 32 bytes that openssl cms -decrypt has given")
      ->type_name("FILE")
      ->excludes(key)
      ->excludes(certificate);
  command->add_option("--bundle", o->bundle, "from this file instead of the ledger")
      ->type_name("FILE");
  command->add_option("--direction", open.direction, "only this one")
      ->type_name("request|response")
      ->check(CLI::IsMember({"request", "response"}));
  command->add_flag("--coded", open.coded, "with its content coding, byte for byte as it came");
  command->add_flag("--json", open.json, "all of them, as a JSON array");
  command->footer(
      "Exit code: 0 whole, 1 something cannot be read, 2 wrong usage, 3 there is no such "
      "original,\n"
      "4 it is not whole, or not what was sealed, 5 the key does not open it.");
  command->callback([&app, o, &exit_code] {
    if (o->opened.key.empty() && o->opened.session_key.empty())
      throw CLI::ValidationError("open", "give --key and --certificate, or --session-key");
    if (!o->bundle.empty()) {
      exit_code = audit_open_bundle(o->bundle, o->opened, the_screen());
      return;
    }
    exit_code = with_ledger(app, *o, [&](recorder::LedgerReader& ledger, const Screen& screen) {
      return audit_open(ledger, o->opened, screen);
    });
  });
}

void add_backup(CLI::App& app, CLI::App& audit, const std::shared_ptr<Options>& o, int& exit_code) {
  CLI::App* backup = audit.add_subcommand("backup", "the whole ledger, in a file of its own");
  backup->description(
      "Copies the ledger as it is at one moment, while the recorder goes on, and verifies the "
      "copy. "
      "It is read with --ledger, and is no replacement for the ledger of a host: see "
      "docs/backup.md.");
  backup
      ->add_option("-o,--out", o->backup.out,
                   "a file that does not exist yet; until the copy is whole, verified and on disk "
                   "it is called FILE.partial-XXXXXX")
      ->type_name("FILE")
      ->required();
  backup->footer(
      "Exit code: 0, 1 the ledger cannot be read or the file not written, 2 wrong usage,\n"
      "4 the copy does not hold, and is not kept.");
  backup->callback([&app, o, &exit_code] {
    o->backup.progress = ::isatty(STDERR_FILENO) == 1;
    exit_code = with_ledger(app, *o, [&](recorder::LedgerReader&, const Screen& screen) {
      return audit_backup(ledger_of(app, *o), o->backup, screen);
    });
  });
}

}  // namespace

void add_audit(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<Options>();
  CLI::App* audit = app.add_subcommand(
      "audit", "list, count, show, replay, verify and open what has been recorded");
  audit->require_subcommand(1);
  audit->add_option("--ledger", options->ledger, "the ledger's file (default: the configured one)")
      ->type_name("FILE");
  add_backup(app, *audit, options, exit_code);
  add_list(app, *audit, options, exit_code);
  add_stats(app, *audit, options, exit_code);
  add_report(app, *audit, options, exit_code);
  add_show(app, *audit, options, exit_code);
  add_replay(app, *audit, options, exit_code);
  add_verify(app, *audit, options, exit_code);
  add_export(app, *audit, options, exit_code);
  add_sinks(app, *audit, options, exit_code);
  add_open(app, *audit, options, exit_code);
}

}  // namespace veilwire::ctl
