#include "userspace/evidence/bundle.h"

#include "userspace/audit/canonical_json.h"
#include "userspace/audit/parse.h"
#include "userspace/crypto/encoding.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

namespace veilwire::evidence {
namespace {

constexpr std::size_t kLongestProof = 64;

// Takes what a line of ours must have next.
class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}
  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  std::optional<std::uint64_t> number() {
    std::uint64_t n = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), n);
    const auto length = static_cast<std::size_t>(end - rest_.data());
    if (error != std::errc() || std::to_string(n).size() != length) return std::nullopt;
    rest_.remove_prefix(length);
    return n;
  }
  // Up to the next quotation mark.
  std::optional<std::string> base64() {
    const std::size_t end = rest_.find('"');
    if (end == rest_.npos) return std::nullopt;
    auto bytes = crypto::base64_decode(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return bytes;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

std::optional<proof::Proof> read_proof(Reader& in) {
  proof::Proof out;
  if (in.take("]")) return out;
  do {
    if (!in.take("\"") || out.size() == kLongestProof) return std::nullopt;
    const auto bytes = in.base64();
    if (!bytes || bytes->size() != sizeof(proof::Hash)) return std::nullopt;
    std::copy(bytes->begin(), bytes->end(), out.emplace_back().begin());
  } while (in.take(","));
  return in.take("]") ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace

std::string bundle_head(std::string_view checkpoint_note) {
  return audit::JsonObject()
      .number("bundle", kBundleVersion)
      .text("checkpoint", checkpoint_note)
      .finish();
}

std::string bundle_line(std::uint64_t index, const proof::Proof& proof, std::string_view record) {
  audit::JsonArray hashes;
  for (const proof::Hash& hash : proof) hashes.text(crypto::base64_encode(crypto::as_bytes(hash)));
  audit::JsonObject out;
  out.number("index", index).json("proof", hashes.finish());
  if (audit::parse_record(record) && record.find('\n') == record.npos) {
    out.json("record", std::string(record));
  } else {
    out.text("record_base64", crypto::base64_encode(record));
  }
  return out.finish();
}

std::optional<BundledRecord> parse_bundle_line(std::string_view line) {
  Reader in(line);
  BundledRecord out;
  if (!in.take(R"({"index":)")) return std::nullopt;
  const auto index = in.number();
  if (!index || !in.take(R"(,"proof":[)")) return std::nullopt;
  auto proof = read_proof(in);
  if (!proof) return std::nullopt;
  out.index = *index;
  out.proof = *std::move(proof);
  if (in.take(R"(,"record":)")) {
    if (!in.rest().ends_with('}')) return std::nullopt;
    out.record = in.rest().substr(0, in.rest().size() - 1);
    return out;
  }
  if (!in.take(R"(,"record_base64":")")) return std::nullopt;
  auto bytes = in.base64();
  if (!bytes || in.rest() != "}") return std::nullopt;
  out.record = *std::move(bytes);
  return out;
}

void BundleCheck::problem(std::uint64_t record, std::string what) {
  add_problem(report_, record, std::move(what));
}

void BundleCheck::read_head(std::string_view line) {
  const auto head = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  const auto member = [&head](const char* name) {
    return head.is_object() ? head.value(name, nlohmann::json()) : nlohmann::json();
  };
  const nlohmann::json text = member("checkpoint");
  if (member("bundle") != kBundleVersion || !text.is_string())
    return problem(0, "the file does not begin like a bundle that is known here");
  auto note = proof::parse_note(text.get_ref<const std::string&>());
  auto checkpoint = note ? proof::parse_checkpoint(note->text) : std::nullopt;
  if (!checkpoint) return problem(0, "its checkpoint is no signed checkpoint");
  note_ = *std::move(note);
  checkpoint_ = *std::move(checkpoint);
}

std::optional<BundledRecord> BundleCheck::add(std::string_view line) {
  if (lines_++ == 0) return read_head(line), std::nullopt;
  auto bundled = parse_bundle_line(line);
  if (!bundled) {
    problem(0, "line " + std::to_string(lines_) + " is none of a bundle");
    return std::nullopt;
  }
  if (!checkpoint_) return std::nullopt;
  const std::uint64_t number = bundled->index + 1;
  if (last_index_ && bundled->index <= *last_index_)
    problem(number, "stands behind a later one, or twice");
  last_index_ = bundled->index;
  if (!proof::is_included(proof::leaf_hash(bundled->record), bundled->index, checkpoint_->size,
                          checkpoint_->root, bundled->proof)) {
    problem(number, "is not proven: it has been changed, or its proof has");
    return std::nullopt;
  }
  ++report_.records;
  const auto parsed = audit::parse_record(bundled->record);
  const auto* key = parsed ? std::get_if<audit::CheckpointKey>(&parsed->record.body) : nullptr;
  if (key != nullptr) {
    if (auto what = keys_.follow(*key)) problem(number, "is " + *std::move(what));
  }
  return bundled;
}

BundleReport BundleCheck::report() {
  if (checkpoint_) {
    report_.origin = checkpoint_->origin;
    report_.log_records = checkpoint_->size;
    report_.signed_at = proof::time_of(*checkpoint_);
    if (keys_.current() == nullptr) {
      problem(0, "it says nothing of the key that signed its checkpoint");
    } else if (auto read = read_checkpoint(*note_, *keys_.current(), keys_.origin()); !read) {
      problem(0, "its checkpoint is " + read.error());
    }
    for (const proof::NoteSignature& signature : note_->signatures) {
      for (const proof::NoteVerifier& witness : witnesses_) {
        if (!witness.is_of_this_key(signature)) continue;
        if (const auto time = witness.verify(note_->text, signature)) {
          report_.cosignatures.push_back({witness.name(), *time});
        } else {
          problem(0, "the signature of the witness " + witness.name() + " does not hold");
        }
      }
    }
  } else if (report_.problem_count == 0) {
    problem(0, "it is empty");
  }
  report_.keys = keys_.keys();
  report_.trusted = keys_.is_trusted();
  return report_;
}

}  // namespace veilwire::evidence
