#include "agent/ctl/scan_sarif.h"

#include <ostream>
#include <utility>

#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

// Members in the order in which they are written: a stream of objects is read by people, too.
using json = nlohmann::ordered_json;

constexpr const char* kSchema = "https://json.schemastore.org/sarif-2.1.0.json";

std::string text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// 3.27.10: what is blocked is worse than what is masked; what passes was asked for to be seen.
const char* level_of(policy::Action action) {
  switch (action) {
    case policy::Action::Pass:
      return "note";
    case policy::Action::Mask:
      return "warning";
    case policy::Action::Block:
      return "error";
  }
  return "error";
}

json descriptor_of(const ScanRule& rule) {
  json descriptor = {{"id", rule.id}};
  if (!rule.description.empty()) descriptor["shortDescription"] = {{"text", rule.description}};
  descriptor["defaultConfiguration"] = {{"level", level_of(rule.action)}};
  descriptor["properties"] = {{"tags", json::array({rule.category})}};
  return descriptor;
}

json location_of(const std::string& path) {
  return {{"physicalLocation", {{"artifactLocation", {{"uri", sarif_uri(path)}}}}}};
}

class SarifReport : public ScanReport {
 public:
  SarifReport(const ScanPolicy& policy, ReportFacts facts, std::ostream& out)
      : policy_(policy), facts_(facts), out_(out) {
    json rules = json::array();
    for (const ScanRule& rule : policy.rules) rules.push_back(descriptor_of(rule));
    const json tool = {{"driver", {{"name", "veilwire"}, {"rules", std::move(rules)}}}};
    out_ << R"({"$schema":)" << text(kSchema) << R"(,"version":"2.1.0","runs":[{"tool":)"
         << text(tool) << R"(,"columnKind":"unicodeCodePoints","results":[)";
  }

  void found(const std::string& path, const Sighting& s, const std::string& excerpt) override {
    const std::size_t index = policy_.index.find(s.finding.rule)->second;
    json location = location_of(path);
    // 3.30: endColumn and byteLength end behind the last character.
    json& region = location["physicalLocation"]["region"];
    region = {{"startLine", s.begin.line},
              {"startColumn", s.begin.column},
              {"endLine", s.end.line},
              {"endColumn", s.end.column}};
    if (facts_.offsets) {
      region["byteOffset"] = s.begin.offset;
      region["byteLength"] = s.finding.length;
    }
    json result = {{"ruleId", s.finding.rule},
                   {"ruleIndex", index},
                   {"level", level_of(policy_.rules[index].action)},
                   {"message", {{"text", s.finding.rule + ": " + excerpt}}},
                   {"locations", json::array({std::move(location)})}};
    if (facts_.lasting_key)
      result["partialFingerprints"] = {{"veilwireDigest/v1", s.finding.digest}};
    out_ << (first_ ? "\n" : ",\n") << text(result);
    first_ = false;
  }

  void end(const std::vector<ScanNotice>& notices, const ScanTotals& /*totals*/) override {
    json list = json::array();
    bool successful = true;
    for (const ScanNotice& notice : notices) {
      json one = {{"level", notice.error ? "error" : "note"},
                  {"message", {{"text", notice.message}}}};
      if (!notice.path.empty()) one["locations"] = json::array({location_of(notice.path)});
      list.push_back(std::move(one));
      successful = successful && !notice.error;
    }
    const json invocation = {{"executionSuccessful", successful},
                             {"toolExecutionNotifications", std::move(list)}};
    out_ << (first_ ? "" : "\n") << R"(],"invocations":[)" << text(invocation) << "]}]}\n";
  }

 private:
  const ScanPolicy& policy_;
  ReportFacts facts_;
  std::ostream& out_;
  bool first_ = true;
};

}  // namespace

std::unique_ptr<ScanReport> make_sarif_report(const ScanPolicy& policy, ReportFacts facts,
                                              std::ostream& out) {
  return std::make_unique<SarifReport>(policy, facts, out);
}

std::string sarif_uri(const std::string& path) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string uri = path.starts_with('/') ? "file://" : "";
  for (const char c : path == kStandardInput ? std::string("stdin") : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    if (plain) {
      uri += c;
    } else {
      uri += '%';
      uri += kHex[byte >> 4U];
      uri += kHex[byte & 15U];
    }
  }
  return uri;
}

}  // namespace veilwire::ctl
