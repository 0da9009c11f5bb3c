#include "agent/ctl/scan_report.h"

#include "agent/ctl/audit_text.h"
#include "agent/ctl/scan_sarif.h"

#include <ostream>

#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using nlohmann::json;

class TextReport : public ScanReport {
 public:
  explicit TextReport(std::ostream& out) : out_(out) {}
  void found(const std::string& path, const Sighting& sighting,
             const std::string& excerpt) override {
    out_ << visible_line(path) << ':' << sighting.begin.line << ':' << sighting.begin.column << ": "
         << sighting.finding.rule << ": " << excerpt << '\n';
  }
  void end(const std::vector<ScanNotice>& /*notices*/, const ScanTotals& /*totals*/) override {}

 private:
  std::ostream& out_;
};

class JsonReport : public ScanReport {
 public:
  JsonReport(const ScanPolicy& policy, ReportFacts facts, std::ostream& out)
      : policy_(policy), facts_(facts), out_(out) {
    out_ << R"({"policy":)" << text(policy.source) << R"(,"policy_sha256":)" << text(policy.digest)
         << R"(,"findings":[)";
  }
  void found(const std::string& path, const Sighting& s, const std::string& excerpt) override {
    const ScanRule& rule = policy_.rules[policy_.index.find(s.finding.rule)->second];
    json finding = {{"path", path},
                    {"rule", rule.id},
                    {"category", rule.category},
                    {"action", policy::to_string(rule.action)},
                    {"line", s.begin.line},
                    {"column", s.begin.column},
                    {"end_line", s.end.line},
                    {"end_column", s.end.column},
                    {"length", s.finding.length},
                    {"digest", s.finding.digest},
                    {"excerpt", excerpt}};
    if (facts_.offsets) finding["offset"] = s.begin.offset;
    out_ << (first_ ? "\n" : ",\n") << text(finding);
    first_ = false;
  }
  void end(const std::vector<ScanNotice>& notices, const ScanTotals& totals) override {
    json list = json::array();
    for (const ScanNotice& notice : notices)
      list.push_back({{"path", notice.path}, {"message", notice.message}, {"error", notice.error}});
    out_ << (first_ ? "" : "\n") << R"(],"notices":)" << text(list) << R"(,"texts":)"
         << totals.texts << R"(,"bytes":)" << totals.bytes << "}\n";
  }

 private:
  static std::string text(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
  }
  const ScanPolicy& policy_;
  ReportFacts facts_;
  std::ostream& out_;
  bool first_ = true;
};

}  // namespace

std::unique_ptr<ScanReport> make_report(ReportFormat format, const ScanPolicy& policy,
                                        ReportFacts facts, std::ostream& out) {
  switch (format) {
    case ReportFormat::Text:
      break;
    case ReportFormat::Json:
      return std::make_unique<JsonReport>(policy, facts, out);
    case ReportFormat::Sarif:
      return make_sarif_report(policy, facts, out);
  }
  return std::make_unique<TextReport>(out);
}

}  // namespace veilwire::ctl
