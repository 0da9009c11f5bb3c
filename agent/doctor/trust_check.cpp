#include "agent/doctor/trust_check.h"

namespace veilwire::doctor {
namespace {

std::string store_it(const TrustFacts& facts) {
  return "run veilwire setup, which has it trusted; or copy " + facts.certificate +
         " into /usr/local/share/ca-certificates/veilwire.crt and run update-ca-certificates "
         "(Fedora: /etc/pki/ca-trust/source/anchors, update-ca-trust extract)";
}

Finding bundle(const TrustFacts& facts) {
  if (facts.bundle.empty())
    return warning("trust-bundle", "", "there is no bundle of the system's CAs",
                   "install ca-certificates");
  if (!facts.in_bundle)
    return critical("trust-bundle", facts.bundle,
                    "the internal CA is not in the system's bundle: Claude Code and others refuse "
                    "intercepted connections",
                    store_it(facts));
  return good("trust-bundle", "the internal CA is in " + facts.bundle);
}

// Node reads the system's store only when it is told to, so its trial was told; that it takes the
// certificate then is what can be had without configuring clients.
Finding judge(const RuntimeTrial& trial, Finding ok, Finding refuses) {
  switch (trial.trust) {
    case Trust::Accepts:
      return ok;
    case Trust::Refuses:
      refuses.is += ": " + trial.said;
      return refuses;
    case Trust::NotAsked:
      break;
  }
  Finding finding = unseen(ok.id, trial.program + " could not be asked: " + trial.said,
                           "repair what else is found, then look again");
  finding.subject = trial.program;
  return finding;
}

}  // namespace

Findings check_trust(const TrustFacts& facts) {
  Findings found = {bundle(facts)};
  for (const RuntimeTrial& trial : facts.runtimes) {
    if (trial.program.empty()) continue;
    const std::string& program = trial.program;
    if (trial.runtime == "openssl")
      found.push_back(judge(trial, good("trust-openssl", program + " trusts the internal CA"),
                            critical("trust-openssl", program,
                                     "OpenSSL does not trust the internal CA", store_it(facts))));
    if (trial.runtime == "python")
      found.push_back(judge(trial, good("trust-python", program + " trusts the internal CA"),
                            critical("trust-python", program,
                                     "Python does not trust the internal CA", store_it(facts))));
    if (trial.runtime == "node")
      found.push_back(
          judge(trial, good("trust-node", program + " takes the internal CA where it is told to"),
                warning("trust-node", program,
                        "Node does not take the internal CA even with NODE_EXTRA_CA_CERTS",
                        "replace the CA, or this Node")));
    if (trial.runtime == "java")
      found.push_back(
          judge(trial, good("trust-java", program + " finds the internal CA in its store"),
                warning("trust-java", program, "Java does not trust the internal CA",
                        "install ca-certificates-java and run update-ca-certificates, or keytool "
                        "-importcert -cacerts -file " +
                            facts.certificate)));
  }
  return found;
}

}  // namespace veilwire::doctor
