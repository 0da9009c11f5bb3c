#include "agent/doctor/identity_check.h"

#include "agent/doctor/json_fields.h"

#include <cstdlib>

namespace veilwire::doctor {
namespace {

// What is allowed between our clock and a token's times, and what is half of it.
constexpr std::chrono::seconds kSkew{60}, kClose{20};

Finding offset(std::chrono::seconds ahead) {
  const auto size = std::chrono::abs(ahead);
  const std::string is = "the identity provider's clock is " + std::to_string(size.count()) +
                         " s " + (ahead.count() < 0 ? "behind" : "ahead of") + " ours";
  const std::string to_do = "let this host's clock follow NTP: timedatectl set-ntp true";
  if (size > kSkew) return critical("clock-offset", "", is + ": its tokens are refused", to_do);
  if (size > kClose) return warning("clock-offset", "", is, to_do);
  return good("clock-offset", "the identity provider's clock and ours agree");
}

}  // namespace

Findings check_identity(const IdentityFacts& facts) {
  Findings found;
  if (facts.synchronised)
    found.push_back(*facts.synchronised
                        ? good("clock-sync", "the clock follows a time server")
                        : note("clock-sync", "", "the kernel says that nobody sets this clock",
                               "timedatectl set-ntp true; without it records and tokens have the "
                               "wrong time some day"));
  if (facts.provider == "local") {
    found.push_back(good("idp-reachable",
                         "people are the users of this host: there is no "
                         "identity provider to reach"));
    return found;
  }
  if (facts.provider == "saml")
    found.push_back(facts.metadata_problem.empty()
                        ? good("saml-metadata", "the identity provider's metadata can be used")
                        : critical("saml-metadata", "", facts.metadata_problem,
                                   "put what it wants into [saml] or the file that idp_metadata "
                                   "names: veilwire-saml check"));
  if (!facts.issuer.empty()) {
    if (!facts.answer)
      found.push_back(unseen("idp-reachable", "the identity provider was not asked"));
    else if (!facts.answer->problem.empty() && facts.provider == "saml")
      // Browsers go there, not the agent: theirs may be elsewhere.
      found.push_back(
          warning("idp-reachable", facts.issuer,
                  "where people sign in does not answer as it should: " + facts.answer->problem,
                  "look at the network of this host, or whether the identity provider has moved: "
                  "then put its new metadata in place"));
    else if (!facts.answer->problem.empty())
      found.push_back(
          critical("idp-reachable", facts.issuer,
                   "the identity provider does not answer as it should: " + facts.answer->problem,
                   "look at the network and the name service of this host; until then "
                   "nobody signs in, and who has passes for cached_seconds"));
    else
      found.push_back(good("idp-reachable", facts.issuer + " answers"));
    if (facts.answer && facts.answer->ahead) found.push_back(offset(*facts.answer->ahead));
  }
  const Json said = object_of(facts.document);
  for (const Json& transmitter : list_of(said, "transmitters"))
    if (member(transmitter, "keys") == Json(false) || count_of(transmitter, "failures") != 0)
      found.push_back(warning("idp-events", text_of(transmitter, "issuer"),
                              "no security events come from the identity provider",
                              "read journalctl -u veilwire-identity"));
  return found;
}

}  // namespace veilwire::doctor
