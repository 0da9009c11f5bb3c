#include "tests/property/masking_oracle.h"

#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"
#include "userspace/masking/validators.h"

#include <algorithm>
#include <cctype>
#include <memory>
#include <tuple>
#include <utility>

#include <re2/re2.h>

namespace veilwire::testing {
namespace {

constexpr unsigned kRefusals = 8;

std::unique_ptr<re2::RE2> compile(const std::string& pattern) {
  re2::RE2::Options options;
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  auto re = std::make_unique<re2::RE2>(pattern, options);
  if (!re->ok()) std::abort();
  return re;
}

struct Hit {
  std::size_t match_begin, match_end, begin, end;
};

re2::StringPiece piece(std::string_view s) { return {s.data(), s.size()}; }

bool anchored(const re2::RE2& re, std::string_view text, std::size_t at, std::size_t limit,
              std::vector<re2::StringPiece>& groups) {
  groups.assign(static_cast<std::size_t>(re.NumberOfCapturingGroups()) + 1, {});
  return re.Match(piece(text), at, std::min(limit, text.size()), re2::RE2::ANCHOR_START,
                  groups.data(), static_cast<int>(groups.size()));
}

bool continuation(char c) { return (c & 0xC0) == 0x80; }

// A secret that ends inside a code point takes the rest of it.
std::size_t rounded(std::string_view text, std::size_t end) {
  std::size_t lead = end;
  while (lead > 0 && end - lead < 4) {
    --lead;
    if (!continuation(text[lead])) break;
  }
  const auto b = static_cast<unsigned char>(text[lead]);
  const std::size_t length = b >= 0xF0 && b <= 0xF4  ? 4
                             : b >= 0xE0 && b < 0xF0 ? 3
                             : b >= 0xC2 && b < 0xE0 ? 2
                                                     : 1;
  while (end < lead + length && end < text.size() && continuation(text[end])) ++end;
  return end;
}

std::string lower(std::string_view s) {
  std::string out(s);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

struct MaskingOracle::Compiled {
  masking::Rule rule;
  bool blocks = false;
  std::unique_ptr<re2::RE2> what, end;
  std::vector<std::unique_ptr<re2::RE2>> allow, allow_match;

  bool accepts(std::string_view match, std::string_view secret) const {
    auto any = [](const std::vector<std::string>& words, const std::string& text) {
      return std::any_of(words.begin(), words.end(),
                         [&](const std::string& w) { return text.find(w) != std::string::npos; });
    };
    if (!rule.keywords.empty() && !any(rule.keywords, lower(match))) return false;
    if (any(rule.stopwords, lower(secret))) return false;
    if (rule.entropy > 0 && masking::entropy(secret) <= rule.entropy) return false;
    for (const auto& re : allow) {
      if (re2::RE2::PartialMatch(piece(secret), *re)) return false;
    }
    for (const auto& re : allow_match) {
      if (re2::RE2::PartialMatch(piece(match), *re)) return false;
    }
    for (const masking::AllowBoth& both : rule.allow_both) {
      const auto agrees = [&](const std::string& regex) {
        return re2::RE2::PartialMatch(piece(both.of_match ? match : secret), *compile(regex));
      };
      if (any(both.stopwords, lower(secret)) &&
          std::any_of(both.regexes.begin(), both.regexes.end(), agrees))
        return false;
    }
    return rule.validator.empty() || masking::find_validator(rule.validator)(secret);
  }

  // The match at `at`, whether it counts or not.
  bool match(std::string_view text, std::size_t at, Hit& hit) const {
    std::vector<re2::StringPiece> groups;
    const std::size_t limit = rule.max_length != 0 ? at + rule.max_length : text.size();
    if (!anchored(*what, text, at, limit, groups)) return false;
    const re2::StringPiece* secret = nullptr;
    if (groups.size() == 1) {
      secret = &groups[0];
    } else {
      for (std::size_t g = 1; g < groups.size() && secret == nullptr; ++g) {
        if (rule.secret_group != 0 && g != rule.secret_group) continue;
        if (!groups[g].empty()) secret = &groups[g];
      }
    }
    if (secret == nullptr || secret->empty()) return false;
    hit.match_begin = at;
    hit.match_end = at + groups[0].size();
    hit.begin = static_cast<std::size_t>(secret->data() - text.data());
    hit.end = hit.begin + secret->size();
    return true;
  }

  std::size_t region_end(std::string_view text, std::size_t from) const {
    std::vector<re2::StringPiece> groups;
    for (std::size_t at = from; at < text.size(); ++at) {
      const std::size_t limit = rule.max_length != 0 ? at + rule.max_length : text.size();
      if (!anchored(*end, text, at, limit, groups)) continue;
      if (groups.size() == 1) return rounded(text, at + groups[0].size());
      if (groups[1].data() == nullptr) return rounded(text, at);
      return rounded(text,
                     static_cast<std::size_t>(groups[1].data() - text.data()) + groups[1].size());
    }
    return text.size();
  }
};

MaskingOracle::MaskingOracle(std::vector<masking::Rule> rules, std::string site_key,
                             const masking::TreatmentOf& treatment)
    : site_key_(std::move(site_key)) {
  for (masking::Rule& rule : rules) {
    Compiled c;
    c.what = compile(rule.begin.empty() ? rule.regex : rule.begin);
    if (!rule.end.empty()) c.end = compile(rule.end);
    for (const std::string& a : rule.allow) c.allow.push_back(compile(a));
    for (const std::string& a : rule.allow_match) c.allow_match.push_back(compile(a));
    c.blocks = treatment && treatment(rule) == masking::Treatment::Block;
    ids_.push_back(rule.id);
    c.rule = std::move(rule);
    rules_.push_back(std::move(c));
  }
}

MaskingOracle::~MaskingOracle() = default;

Masked MaskingOracle::mask(std::string_view text) const {
  std::string alternatives;
  for (const std::string& id : ids_) alternatives += (alternatives.empty() ? "" : "|") + id;
  const auto mask_re = compile("\\[MASKED:(?:" + alternatives + "):[0-9a-f]{4}\\]");
  std::vector<std::pair<std::size_t, std::size_t>> masks;
  std::vector<re2::StringPiece> groups;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (anchored(*mask_re, text, at, text.size(), groups))
      masks.emplace_back(at, at + groups[0].size());
  }

  struct Candidate {
    std::size_t begin, end, certain;
    bool region, blocks;
    std::size_t rule;
    std::string digest;
  };
  std::vector<Candidate> all;
  for (std::size_t r = 0; r < rules_.size(); ++r) {
    const Compiled& c = rules_[r];
    std::size_t resume = 0, refused_end = 0;
    unsigned refusals = 0;
    Hit hit{};
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (at < resume || !c.match(text, at, hit) || continuation(text[hit.begin])) continue;
      hit.end = rounded(text, hit.end);
      const bool touches = std::any_of(masks.begin(), masks.end(), [&](const auto& m) {
        return m.first < hit.match_end && hit.match_begin < m.second;
      });
      const std::string_view secret = text.substr(hit.begin, hit.end - hit.begin);
      if (touches || !c.accepts(text.substr(at, hit.match_end - at), secret)) {
        if (at >= refused_end) refusals = 0, refused_end = hit.end;
        if (++refusals > kRefusals) resume = std::max(resume, refused_end);
        continue;
      }
      const std::string digest =
          crypto::hex_encode(crypto::hmac_sha256(site_key_, secret)).substr(0, 16);
      resume = c.end ? std::max(hit.end, c.region_end(text, hit.match_end)) : hit.end;
      all.push_back({hit.begin, resume, hit.end, c.end != nullptr, c.blocks, r, digest});
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Candidate& a, const Candidate& b) {
    return std::tuple(a.begin, !a.region, a.region ? 0 : ~a.end, !a.blocks, a.rule) <
           std::tuple(b.begin, !b.region, b.region ? 0 : ~b.end, !b.blocks, b.rule);
  });

  Masked out;
  std::size_t covered = 0;
  for (const Candidate& f : all) {
    const masking::Rule& rule = rules_[f.rule].rule;
    masking::Finding finding;
    finding.rule = rule.id;
    finding.category = rule.category;
    finding.digest = f.digest;
    if (f.blocks) finding.treatment = masking::Treatment::Block;
    const auto blocked = [&] {
      if (!f.blocks || out.before_block) return;
      out.before_block = out.text;
      out.block_end = f.certain;
    };
    const bool inner = f.blocks && f.begin < covered;
    if (inner) {
      blocked();
      finding.offset = f.begin;
      finding.length = f.certain - f.begin;
      out.inner.push_back(finding);
    }
    if (f.end <= covered) continue;
    const std::size_t begin = std::max(f.begin, covered);
    out.text += text.substr(covered, begin - covered);
    blocked();
    out.text += rule.replacement.empty() ? "[MASKED:" + rule.id + ":" + f.digest.substr(0, 4) + "]"
                                         : rule.replacement;
    finding.offset = begin;
    finding.length = f.end - begin;
    if (!inner) out.findings.push_back(finding);
    covered = f.end;
  }
  out.text += text.substr(covered);
  return out;
}

}  // namespace veilwire::testing
