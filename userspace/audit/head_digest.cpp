#include "userspace/audit/head_digest.h"

#include "userspace/audit/canonical_scan.h"

#include <string>

namespace veilwire::audit {

crypto::Digest head_digest(std::string_view canonical) {
  std::string kept = "{";
  std::size_t at = 1;
  while (const auto member = member_at(canonical, at)) {
    if (member->name != "seq" && member->name != "writer") {
      if (kept.size() > 1) kept += ',';
      kept += canonical.substr(at, member->end - at);
    }
    at = member->end + 1;
  }
  if (at != canonical.size() || !canonical.ends_with('}')) return crypto::sha256(canonical);
  return crypto::sha256(kept += '}');
}

crypto::Digest head_digest(const Record& record) { return head_digest(canonical(record, {}, 0)); }

}  // namespace veilwire::audit
