#include "agent/ctl/scan_command.h"

#include "agent/ctl/audit_text.h"
#include "agent/ctl/progress.h"
#include "agent/ctl/scan_diff.h"
#include "agent/ctl/scan_excerpt.h"
#include "agent/ctl/scan_input.h"
#include "agent/ctl/scan_jsonl.h"

#include <filesystem>
#include <ostream>
#include <random>
#include <utility>

namespace veilwire::ctl {
namespace {

constexpr int kNothing = 0, kFound = 1, kFailed = 2;

// The masked text, as it becomes certain.
class MaskedText : public ScanOutput {
 public:
  explicit MaskedText(std::ostream& out) : out_(out) {}
  void released(std::string_view text) override {
    out_.write(text.data(), static_cast<std::streamsize>(text.size()));
  }
  void masked(std::string_view replacement) override { out_ << replacement; }
  void found(const Sighting& /*sighting*/) override { ++findings; }
  std::uint64_t findings = 0;

 private:
  std::ostream& out_;
};

class Scan : private DiffEvents {
 public:
  Scan(const ScanOptions& options, const ScanPolicy& policy, bool lasting_key, const Chunks& chunks,
       std::ostream& out, std::ostream& err)
      : options_(options),
        out_(out),
        err_(err),
        chunks_(chunks),
        progress_(progress_wanted(), err, Progress::Clock::now()),
        masked_(out),
        excerpts_([this](const Sighting& s, const std::string& excerpt) {
          ++totals_.findings;
          report_->found(path_, s, excerpt);
        }),
        lines_(policy, chunks_, options.report.has_value(), out),
        text_(policy.engine, output(), options.report.has_value()) {
    if (options.report && !options.jsonl)
      report_ = make_report(*options.report, policy, {lasting_key, !options.diff}, out);
  }

  void run() {
    if (options_.files.empty()) one("-");
    for (const std::string& file : options_.files) {
      if (stopped_) break;
      std::error_code error;
      if (file == "-" || !std::filesystem::is_directory(file, error))
        one(file);
      else if (!options_.recursive)
        notice(file, "is a folder; --recursive searches the files in it", true);
      else
        each_file(
            file, [this](const std::string& path) { one(path); },
            [this](const std::string& path, const std::string& why, bool is_error) {
              notice(path, why, is_error);
            });
    }
    if (report_) report_->end(notices_, totals_);
    out_.flush();
    progress_.clear();
  }

  bool failed() const { return failed_; }
  std::uint64_t findings() const {
    return options_.jsonl    ? lines_.findings()
           : options_.report ? totals_.findings
                             : masked_.findings;
  }

 private:
  ScanOutput& output() {
    if (options_.report) return excerpts_;
    return masked_;
  }

  void notice(const std::string& path, const std::string& message, bool error) {
    progress_.clear();
    err_ << "veilwire: " << visible_line(path) << ": " << message << '\n';
    notices_.push_back({path, message, error});
    failed_ = failed_ || error;
  }

  void one(const std::string& file) {
    if (stopped_) return;
    path_ = source_ = file == "-" ? kStandardInput : file;
    auto input = file == "-" ? Result<ScanInput, std::string>(ScanInput::standard_input())
                             : ScanInput::open(file);
    if (!input) return notice(path_, input.error(), true);
    if (const std::string why = options_.text ? "" : input->why_binary(); !why.empty()) {
      // A masked text that lacks a file would pass for one that has it.
      const bool needed = !options_.report || options_.jsonl;
      return notice(path_, why + ": not searched; --text searches it", needed);
    }
    ++totals_.texts;
    text_.restart();
    lines_.restart();
    diff_.emplace(static_cast<DiffEvents&>(*this));
    while (true) {
      const auto piece = input->read();
      if (!piece) {
        notice(path_, piece.error(), true);
        break;
      }
      if (piece->empty()) break;
      totals_.bytes += piece->size();
      if (!take(*piece)) return;
      progress_.at(Progress::Clock::now(), [this](std::uint64_t ms) {
        return std::to_string(totals_.bytes / 1'000'000) + " MB, " +
               std::to_string(totals_.bytes / 1000 / ms) + " MB/s, " + std::to_string(findings()) +
               " found";
      });
    }
    end_of_text();
  }

  // False: nothing more can be done.
  bool take(std::string_view piece) {
    if (options_.jsonl) {
      if (auto error = lines_.feed(piece)) return stop_at_line(*error, lines_.line());
    } else if (options_.diff) {
      if (auto error = diff_->feed(piece)) return stop_at_line(*error, diff_->line());
    } else {
      chunks_.cut(piece, [this](std::string_view part) { text_.feed(part); });
    }
    // What is certain goes on at once: the input may be a pipe that somebody watches.
    out_.flush();
    if (out_) return true;
    notice("standard output", "cannot be written", true);
    stopped_ = true;
    return false;
  }

  void end_of_text() {
    if (options_.jsonl) {
      if (auto error = lines_.finish()) stop_at_line(*error, lines_.line());
      return;
    }
    if (options_.diff) {
      if (auto error = diff_->finish()) stop_at_line(*error, diff_->line());
      return;
    }
    text_.finish();
    excerpts_.finish();
  }

  bool stop_at_line(const std::string& error, std::uint64_t line) {
    if (options_.diff) added_end();
    out_.flush();
    notice(source_ + ":" + std::to_string(line), error, true);
    stopped_ = true;
    return false;
  }

  void added_begin(const std::string& path, std::uint64_t line) override {
    path_ = path;
    text_.restart({0, line, 1});
  }
  void added(std::string_view text) override {
    chunks_.cut(text, [this](std::string_view part) { text_.feed(part); });
  }
  void added_end() override {
    text_.finish();
    excerpts_.finish();
  }
  void binary() override {
    notice(source_ + ":" + std::to_string(diff_->line()),
           "the change of a binary file: not searched", false);
  }

  const ScanOptions& options_;
  std::ostream& out_;
  std::ostream& err_;
  Chunks chunks_;
  Progress progress_;
  std::unique_ptr<ScanReport> report_;
  MaskedText masked_;
  ScanExcerpts excerpts_;
  ScanLines lines_;
  ScanText text_;
  std::optional<DiffReader> diff_;
  std::string source_;  // what is read
  std::string path_;    // where findings are; a diff is about other files
  std::vector<ScanNotice> notices_;
  ScanTotals totals_;
  bool failed_ = false, stopped_ = false;
};

}  // namespace

int scan(const ScanOptions& options, std::ostream& out, std::ostream& err) {
  Chunks chunks;
  if (!options.chunks.empty()) {
    const auto wanted = Chunks::parse(options.chunks, std::random_device()());
    if (!wanted) {
      err << "veilwire: --chunks: a number of bytes, \"random\" or \"random:SEED\" is wanted\n";
      return kFailed;
    }
    chunks = *wanted;
    if (chunks.to_string() != options.chunks)
      err << "veilwire: the same cuts again: --chunks " << chunks.to_string() << '\n';
  }
  auto key = scan_key(options.key, options.agents_key);
  if (!key) {
    err << "veilwire: " << key.error() << '\n';
    return kFailed;
  }
  const bool lasting = key->why_new.empty();
  const auto policy =
      load_scan_policy(options.policy, options.direction, options.all, std::move(key->key));
  if (!policy) {
    err << with_source_lines(policy.error());
    return kFailed;
  }
  Scan scan(options, *policy, lasting, chunks, out, err);
  scan.run();
  // Nobody needs to know whose key nothing was digested with; text reports show masks as well.
  if (!lasting && scan.findings() != 0)
    err << "veilwire: note: digests hold for this run only, the agent's key is not at hand ("
        << key->why_new << "); --key FILE sets one\n";
  if (scan.failed() || !out) return kFailed;
  return scan.findings() != 0 && !options.exit_zero ? kFound : kNothing;
}

}  // namespace veilwire::ctl
