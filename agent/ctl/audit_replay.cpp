#include "agent/ctl/anthropic_text.h"
#include "agent/ctl/audit_ledger.h"
#include "agent/ctl/audit_text.h"
#include "agent/ctl/audit_views.h"
#include "userspace/audit/parse.h"

#include <optional>
#include <ostream>

namespace veilwire::ctl {
namespace {

bool is_event_stream(const audit::ResponseHead& head) {
  for (const auto& [name, value] : head.fields) {
    if (name.size() == 12 && (name == "content-type" || name == "Content-Type"))
      return value.starts_with("text/event-stream");
  }
  return false;
}

class Replay {
 public:
  Replay(const ReplayOptions& options, const Screen& screen) : options_(options), screen_(screen) {}

  void add(const audit::Record& record) {
    if (const auto* request = std::get_if<audit::RequestHead>(&record.body))
      anthropic_ = request->service == "anthropic";
    if (const auto* head = std::get_if<audit::ResponseHead>(&record.body)) {
      events_ = is_event_stream(*head);
      wait(record.time.mono);
    }
    if (const auto* fragment = std::get_if<audit::ResponseFragment>(&record.body)) {
      wait(record.time.mono);
      released(fragment->content);
    }
    if (options_.raw) return;
    if (const auto* blocked = std::get_if<audit::Blocked>(&record.body)) {
      wait(record.time.mono);
      note("blocked: " + blocked->rule + "; the client got: " + blocked->answer);
    }
    if (const auto* lost = std::get_if<audit::IdentityChange>(&record.body);
        lost != nullptr && !lost->answer.empty()) {
      wait(record.time.mono);
      note("identity " + lost->what + "; the client got: " + lost->answer);
    }
    if (const auto* gap = std::get_if<audit::Gap>(&record.body))
      note("gap: " + gap->reason + (gap->detail.empty() ? "" : ", " + gap->detail));
    if (const auto* error = std::get_if<audit::UpstreamError>(&record.body))
      note("upstream: " + error->reason);
  }

  void finish() {
    if (!options_.raw) {
      write(text_.finish());
      screen_.out << visible_.finish();
    }
    screen_.out.flush();
  }

  bool any() const { return any_; }

 private:
  void wait(Monotonic at) {
    if (last_ && !options_.no_wait && at > *last_) {
      screen_.out.flush();
      const auto pause = std::chrono::duration<double, std::nano>(at - *last_) / options_.speed;
      options_.sleep(std::chrono::duration_cast<std::chrono::nanoseconds>(pause));
    }
    last_ = at;
  }
  void released(std::string_view bytes) {
    any_ = true;
    if (options_.raw) {
      screen_.out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    } else if (anthropic_ && events_) {
      write(text_.feed(bytes));
    } else {
      write(bytes);
    }
  }
  void write(std::string_view text) { screen_.out << visible_.feed(text); }
  void note(const std::string& what) {
    screen_.out << visible_.finish();
    screen_.out.flush();
    // Not part of what the person saw, so not among it.
    screen_.err << "[" << visible_line(what) << "]\n";
  }

  const ReplayOptions& options_;
  const Screen& screen_;
  std::optional<Monotonic> last_;
  AnthropicText text_;
  VisibleText visible_;
  bool anthropic_ = false;
  bool events_ = false;
  bool any_ = false;
};

}  // namespace

int audit_replay(recorder::LedgerReader& ledger, const ReplayOptions& options,
                 const Screen& screen) {
  if (options.raw && screen.terminal) {
    screen.err << "veilwire: recorded bytes can drive a terminal; send --raw to a file or a pipe\n";
    return kAuditUsage;
  }
  const LocateResult located = locate(ledger, options.id, screen.err);
  if (!located.found) return located.exit_code;
  Replay replay(options, screen);
  bool readable = true;
  ledger.records(located.found->session, located.found->exchange, [&](const auto& stored) {
    const auto parsed = audit::parse_record(stored.bytes);
    if (parsed) {
      replay.add(parsed->record);
    } else {
      readable = false;
    }
    return static_cast<bool>(screen.out);  // a pipe that was closed ends it
  });
  replay.finish();
  if (!readable)
    screen.err << "veilwire: some records could not be read; see veilwire audit show\n";
  if (!replay.any()) screen.err << "veilwire: nothing was released to the client\n";
  return readable ? 0 : kAuditFailed;
}

}  // namespace veilwire::ctl
