#include "userspace/flow/head_value.h"

#include "userspace/audit/redact.h"
#include "userspace/base/ascii.h"
#include "userspace/crypto/encoding.h"
#include "userspace/flow/masked_span.h"
#include "userspace/masking/stream_masker.h"
#include "userspace/wire/http.h"

#include <algorithm>
#include <cstdint>

namespace veilwire::flow {
namespace {

constexpr std::string_view kBegin = "=?base64?";
constexpr std::string_view kEnd = "?=";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

struct Decoded {
  std::string text;
  std::vector<std::uint32_t> at;  // where each byte begins as it came; one more for the end
};

// Servers read '+' in a query as a blank (forms); a client that has encoded nothing means itself.
enum class Plus { Blank, Itself };

Decoded percent_decoded(std::string_view raw, Plus plus) {
  Decoded out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    out.at.push_back(static_cast<std::uint32_t>(i));
    if (raw[i] == '%' && raw.size() - i > 2 && hex_value(raw[i + 1]) >= 0 &&
        hex_value(raw[i + 2]) >= 0) {
      out.text += static_cast<char>(hex_value(raw[i + 1]) * 16 + hex_value(raw[i + 2]));
      i += 2;
    } else {
      out.text += raw[i] == '+' && plus == Plus::Blank ? ' ' : raw[i];
    }
  }
  out.at.push_back(static_cast<std::uint32_t>(raw.size()));
  return out;
}

// All but the unreserved characters of RFC 3986, 2.3.
void percent_encode(std::string_view text, std::string& out) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    const auto byte = static_cast<unsigned char>(c);
    if (unreserved) {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
}

// Appends; says whether anything was found.
bool mask_percent_encoded(std::string_view raw, Plus plus,
                          const std::shared_ptr<const masking::Engine>& engine, std::string& out,
                          Masks* masks) {
  const Decoded decoded = percent_decoded(raw, plus);
  masking::StreamMasker masker(engine);
  masking::Edits edits;
  masker.feed(decoded.text, edits);
  masker.finish(edits);
  std::size_t at = 0;
  for (const masking::Edit& edit : edits.list) {
    const std::size_t from = decoded.at[at];
    at += edit.consumed;
    const std::size_t begin = out.size();
    if (edit.replaced) {
      percent_encode(edit.replacement, out);
    } else {
      out += raw.substr(from, decoded.at[at] - from);
    }
    if (masks == nullptr || edit.finding == SIZE_MAX) continue;
    audit::MaskedSpan& mask = masks->emplace_back(span_of(edits.findings[edit.finding]));
    mask.offset = begin;
    mask.released_length = out.size() - begin;
  }
  return !edits.findings.empty();
}

}  // namespace

std::optional<std::string> decoded_value(std::string_view value) {
  if (value.size() < kBegin.size() + kEnd.size() || !value.ends_with(kEnd) ||
      !equal_ignoring_case(value.substr(0, kBegin.size()), kBegin))
    return std::nullopt;
  value.remove_prefix(kBegin.size());
  return crypto::base64_decode(value.substr(0, value.size() - kEnd.size()));
}

std::string encoded_value(std::string_view text, std::string_view like) {
  const bool plain = std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7f; }) &&
                     wire::trim_blanks(text).size() == text.size() &&
                     !equal_ignoring_case(text.substr(0, kBegin.size()), kBegin);
  if (plain && !decoded_value(like)) return std::string(text);
  return std::string(kBegin) + crypto::base64_encode(text) + std::string(kEnd);
}

std::string masked_value(std::string_view value, const masking::Engine& engine, Masks* masks) {
  std::vector<masking::Finding> findings;
  const auto decoded = decoded_value(value);
  const std::string masked = masking::mask_all(engine, decoded ? *decoded : value, &findings);
  if (findings.empty()) return std::string(value);
  if (masks != nullptr) {
    for (const masking::Finding& finding : findings) masks->push_back(span_of(finding));
  }
  return decoded ? encoded_value(masked, value) : masked;
}

std::string masked_target(std::string_view target, PathOf path,
                          const std::shared_ptr<const masking::Engine>& engine, Masks* masks) {
  std::string out;
  std::size_t end = std::min(target.find('?'), target.size());
  if (path == PathOf::Message)
    mask_percent_encoded(target.substr(0, end), Plus::Itself, engine, out, masks);
  else
    out += target.substr(0, end);
  while (end < target.size()) {
    out += target[end];
    target.remove_prefix(end + 1);
    end = std::min(target.find_first_of("&;"), target.size());
    mask_parameter(target.substr(0, end), engine, out, masks);
  }
  return out;
}

void mask_parameter(std::string_view parameter,
                    const std::shared_ptr<const masking::Engine>& engine, std::string& out,
                    Masks* masks) {
  if (audit::is_credential_parameter(parameter.substr(0, parameter.find('=')))) {
    out += parameter;
    return;
  }
  const std::size_t before = out.size();
  if (mask_percent_encoded(parameter, Plus::Blank, engine, out, masks)) return;
  if (parameter.find('+') == std::string_view::npos) return;
  out.resize(before);
  mask_percent_encoded(parameter, Plus::Itself, engine, out, masks);
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  percent_encode(text, out);
  return out;
}

}  // namespace veilwire::flow
