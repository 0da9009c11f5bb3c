#include "userspace/projection/exchange.h"

#include "userspace/base/ascii.h"
#include "userspace/projection/value.h"

#include <algorithm>
#include <variant>

namespace veilwire::projection {
namespace {

// Reasons and rules are short; a record of a writer that was taken over need not be.
std::string kept(const std::string& text) { return clean(prefix(text, kLongestText)); }

void count(std::vector<FindingCount>& findings, std::uint64_t& more, FindingCount finding) {
  const auto equal = [&](const FindingCount& f) {
    return f.direction == finding.direction && f.rule == finding.rule &&
           f.category == finding.category && f.action == finding.action &&
           f.would == finding.would && f.digest == finding.digest;
  };
  const auto found = std::find_if(findings.begin(), findings.end(), equal);
  if (found != findings.end()) {
    found->count += finding.count;
    found->bytes += finding.bytes;
  } else if (findings.size() < kToldApart) {
    findings.push_back(std::move(finding));
  } else {
    more += finding.count;
  }
}

std::string_view field(const audit::Fields& fields, std::string_view name) {
  for (const auto& [n, value] : fields) {
    if (to_lower(n) == name) return value;
  }
  return {};
}

}  // namespace

struct ExchangeReader::Add {
  ExchangeReader& reader;
  Now time;
  Exchange& out = reader.exchange_;

  void masks(std::string_view direction, const std::vector<audit::MaskedSpan>& spans) const {
    for (const audit::MaskedSpan& span : spans) {
      count(out.findings, out.more_findings,
            {.direction = std::string(direction),
             .rule = kept(span.rule),
             .category = kept(span.category),
             .action = kept(span.action),
             .would = kept(span.would),
             .digest = kept(span.digest),
             .count = 1,
             .bytes = span.length});
    }
  }
  // Pieces come in order; one that does not continue what is kept ends it.
  void piece(ShownBody& body, std::uint64_t offset, const std::string& content) const {
    if (offset == body.content.size() && body.whole()) {
      const std::size_t room = reader.shown_body_ - body.content.size();
      body.content.append(content, 0, std::min(room, content.size()));
    }
    body.bytes = std::max(body.bytes, offset + content.size());
  }
  template <class T>
  void keep(std::vector<T>& list, T value, std::size_t most = kToldApart) const {
    if (list.size() < most) {
      list.push_back(std::move(value));
    } else {
      ++out.left_out;
    }
  }

  void operator()(const audit::SessionOpen& b) const { out.session = b; }
  void operator()(const audit::RequestHead& b) const { out.request = b; }
  void operator()(const audit::RequestBody& b) const {
    piece(out.request_body, b.offset, b.content);
    masks("request", b.masks);
  }
  void operator()(const audit::IdentityChange& b) const {
    audit::IdentityChange change = b;
    change.reason = kept(b.reason);
    keep(out.changes, std::move(change), kChangesTold);
  }
  void operator()(const audit::ResponseHead& b) const {
    if (!out.answered) out.answered = time;
    out.response = b;
    reader.answer_.begin(field(b.fields, "content-type"));
  }
  void operator()(const audit::ResponseFragment& b) const {
    if (!out.first_released) out.first_released = time;
    piece(out.response_body, b.offset, b.content);
    reader.answer_.feed(b.content);
    masks("response", b.masks);
  }
  void operator()(const audit::Blocked& b) const {
    keep(out.blocks, {.direction = kept(b.direction),
                      .rule = kept(b.rule),
                      .category = kept(b.category),
                      .digest = kept(b.digest),
                      .answer = kept(b.answer)});
  }
  void operator()(const audit::UpstreamError& b) const { out.upstream_error = kept(b.reason); }
  void operator()(const audit::Gap& b) const {
    keep(out.gaps, {.reason = kept(b.reason),
                    .detail = kept(b.detail),
                    .action = kept(b.action),
                    .bytes = b.bytes,
                    .would = kept(b.would)});
  }
  void operator()(const audit::Observed& b) const {
    keep(out.observed, {.direction = kept(b.direction),
                        .outcome = kept(b.outcome),
                        .rule = kept(b.rule),
                        .category = kept(b.category),
                        .digest = kept(b.digest),
                        .reason = kept(b.reason),
                        .answer = kept(b.answer)});
  }
  void operator()(const audit::ExchangeClose& b) const { out.close = b; }
  void operator()(const audit::SessionClose&) const {}
  void operator()(const audit::ConfigChange&) const {}
  void operator()(const audit::Checkpoint&) const {}
  void operator()(const audit::CheckpointKey&) const {}
  void operator()(const audit::Retention&) const {}
  void operator()(const audit::OriginalKey&) const {}
  void operator()(const audit::OriginalChunk&) const {}
};

void ExchangeReader::add(const audit::Parsed& parsed) {
  const audit::Record& record = parsed.record;
  if (record.context.exchange == 0) {
    if (const auto* open = std::get_if<audit::SessionOpen>(&record.body)) exchange_.session = *open;
    return;
  }
  if (!begun_) {
    exchange_.context = record.context;
    exchange_.writer = parsed.writer;
    exchange_.begun = record.time;
    begun_ = true;
  }
  exchange_.seq = parsed.seq;
  exchange_.ended = record.time;
  std::visit(Add{*this, record.time}, record.body);
}

Exchange ExchangeReader::finish() const {
  Exchange out = exchange_;
  // The finding that blocked may stand among the masks of the body as well.
  for (const audit::Blocked& block : out.blocks) {
    const auto same = [&](const FindingCount& f) {
      return f.direction == block.direction && f.rule == block.rule && f.digest == block.digest &&
             f.action == "block";
    };
    if (std::any_of(out.findings.begin(), out.findings.end(), same)) continue;
    count(out.findings, out.more_findings,
          {.direction = block.direction,
           .rule = block.rule,
           .category = block.category,
           .action = "block",
           .digest = block.digest,
           .count = 1});
  }
  std::string_view body;
  if (out.response_body.whole()) body = out.response_body.content;
  out.answer = answer_.finish(body);
  return out;
}

std::string_view decision(const Exchange& exchange) {
  const auto blocks = [](const auto& x) { return x.action == "block"; };
  const auto masks = [](const FindingCount& finding) { return finding.action == "mask"; };
  const auto& findings = exchange.findings;
  const auto& gaps = exchange.gaps;
  if (!exchange.blocks.empty() || std::any_of(findings.begin(), findings.end(), blocks) ||
      std::any_of(gaps.begin(), gaps.end(), blocks))
    return "blocked";
  if (!gaps.empty()) return "not inspected";
  if (std::any_of(findings.begin(), findings.end(), masks)) return "masked";
  const auto seen = [](const FindingCount& finding) { return finding.action == "observed"; };
  const bool observed = !exchange.observed.empty() ||
                        std::any_of(findings.begin(), findings.end(), seen) ||
                        (exchange.close && exchange.close->observed > 0);
  return observed ? "observed" : "passed";
}

bool has_findings(const Exchange& exchange) {
  const auto lost = [](const audit::IdentityChange& change) { return change.what == "lost"; };
  return decision(exchange) != "passed" || !exchange.findings.empty() ||
         std::any_of(exchange.changes.begin(), exchange.changes.end(), lost);
}

std::vector<FindingCount> without_digests(const std::vector<FindingCount>& findings) {
  std::vector<FindingCount> out;
  std::uint64_t more = 0;
  for (FindingCount finding : findings) {
    finding.digest.clear();
    count(out, more, std::move(finding));
  }
  return out;
}

}  // namespace veilwire::projection
