#include "agent/setup/wishes.h"

#include "agent/setup/client_trust.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"
#include "userspace/crypto/random.h"

#include <filesystem>
#include <stdexcept>
#include <utility>

namespace veilwire::setup {
namespace {

constexpr const char* kDropIns = "/etc/systemd/system/veilwire-identity.service.d";

// What a host or a person has may stand behind links.
Secret secret_at(const std::string& path) {
  return exists(path) ? read_file(std::filesystem::canonical(path).string()) : Secret();
}
std::string text_at(const std::string& path) { return std::string(secret_at(path).reveal()); }

Secret given_at(const std::string& path) {
  if (!exists(path)) throw std::runtime_error(path + ": is named in the answers and missing");
  return secret_at(path);
}

std::string digest(std::string_view bytes) { return crypto::hex_encode(crypto::sha256(bytes)); }

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

std::string required(const std::string& path, const std::string& why) {
  std::string text = text_at(path);
  if (text.empty())
    throw std::runtime_error(path + ": is missing, and " + why + "; install the package again");
  return text;
}

// What has these bytes already keeps its mode and its owner.
bool put(Planner& planner, const std::string& path, Secret bytes, mode_t mode, Planner::Owner owner,
         const std::string& what, const std::vector<std::string>& shipped = {}) {
  if (exists(path) && text_at(path) == bytes.reveal()) {
    planner.keep(path, what);
    return false;
  }
  return planner.file(path, std::move(bytes), mode, owner, what, shipped);
}

// What agent.toml is to say. `shipped`: as the package has it.
std::string wanted_config(const Answers& answers, const Machine& machine,
                          const std::string& shipped) {
  const std::string present = text_at(machine.config);
  const std::string& base = shipped.empty() ? present : shipped;
  if (!present.empty() &&
      (answers.tables.empty() || says_tables(present, answers.tables, machine.config)))
    return present;
  return answers.tables.empty() ? base : with_tables(base, answers.tables, machine.config);
}

// The one that is wanted, and none of the others, which an earlier set-up may have put there.
bool plan_drop_ins(Planner& planner, const Machine& machine, const std::string& provider) {
  bool changed = false;
  for (const std::string kind : {"oidc", "saml"}) {
    const std::string path = std::string(kDropIns) + "/" + kind + ".conf";
    const std::string what = "what veilwire-identity may do more with provider " + kind;
    if (provider != kind) {
      changed = planner.no_file(path, what) || changed;
      continue;
    }
    const std::string shipped = machine.share + "/veilwire-identity-" + kind + ".conf";
    Secret bytes(required(shipped, "a provider of identities needs it"));
    changed = planner.file(path, std::move(bytes), 0644, {}, what) || changed;
  }
  return changed;
}

void plan_site_key(Planner& planner, const Machine& machine, const AgentFacts& facts) {
  constexpr std::size_t kSize = 32;
  Secret key = secret_at(facts.site_key);
  const auto owner = machine.user(facts.proxy_user);
  planner.folder(folder_of(facts.site_key), 0700, owner);
  const bool present = key.reveal().size() >= kSize;
  if (!present) key = Secret(crypto::random_bytes(crypto::system_random(), kSize));
  put(planner, facts.site_key, std::move(key), 0400, owner, "key of the digests in masks");
}

void plan_trust(Planner& planner, const Answers& answers, const Journal& journal,
                const Authority& authority, const std::string& certificate) {
  const TrustStore* store = detect_store(exists);
  if (answers.system_store && store == nullptr)
    throw std::runtime_error(
        "no trust store that is known here: install ca-certificates, or let [trust] say "
        "system_store = false and make clients trust " +
        certificate + " yourself");
  if (store != nullptr) {
    const bool ours = journal.find_path(store->anchor) != nullptr;
    const bool trusted = exists(store->bundle) && !exists(store->anchor) &&
                         bundle_holds(read_file(store->bundle).reveal(), authority.anchor);
    if (!answers.system_store || authority.anchor.empty()) {
      if (ours && planner.no_file(store->anchor, "certificate of the CA"))
        planner.store(*store, {}, true);
    } else if (trusted && !ours) {
      planner.note("the system trusts this CA already");
    } else {
      const bool changed = planner.file(store->anchor, Secret(std::string(authority.anchor)), 0644,
                                        {}, "certificate of the CA, for clients");
      planner.store(*store, authority.anchor, changed);
    }
  }
  const std::string settings = managed_settings_path();
  if (!answers.node) {
    planner.no_file(settings, "what makes Claude Code on Node trust the CA");
  } else if (authority.anchor.empty()) {
    planner.note(
        "clients on a Node with a store of its own do not trust the CA: its chain ends "
        "before the root; append the root's certificate to it");
  } else if (const std::string other = who_else_extends(certificate); !other.empty()) {
    planner.note(other);
  } else {
    planner.file(settings, Secret(managed_settings(certificate)), 0644, {},
                 "what makes Claude Code on Node trust the CA");
  }
}

UnitRecord unit_now(const Machine& machine, const std::string& unit) {
  UnitRecord record;
  record.unit = unit;
  const ToolResult enabled = machine.run({"systemctl", "is-enabled", "--quiet", unit});
  if (enabled.status == 127)
    throw std::runtime_error(
        "systemctl is missing: without systemd let [services] say start = false, and start the "
        "programs yourself");
  record.enabled = enabled.status == 0;
  record.active =
      !machine.offline && machine.run({"systemctl", "is-active", "--quiet", unit}).status == 0;
  return record;
}

void plan_units(Planner& planner, const Machine& machine, const AgentFacts& facts, bool restart) {
  std::vector<std::string> names;
  if (facts.has_credentials) names.emplace_back("veilwire-credentials.service");
  if (facts.has_sinks) names.emplace_back("veilwire-forwarder.service");
  // Last: it is what intercepts.
  names.emplace_back("veilwire.target");
  std::vector<UnitRecord> now;
  for (const std::string& name : names) now.push_back(unit_now(machine, name));
  planner.units(std::move(now), restart, machine.offline);
}

}  // namespace

Given read_given(const Answers& answers) {
  Given given;
  const bool requested = answers.ca == Answers::Ca::Requested;
  // A request is signed in its own time: until then there is no certificate.
  if (!answers.certificate.empty() && !(requested && !exists(answers.certificate)))
    given.authority.certificate = std::string(given_at(answers.certificate).reveal());
  if (!answers.key.empty()) given.authority.key = given_at(answers.key);
  if (!answers.policy.empty()) given.policy = std::string(given_at(answers.policy).reveal());
  for (const Answers::File& file : answers.files) given.files[file.source] = given_at(file.source);
  return given;
}

Wishes plan_wishes(const Answers& answers, Given given, const Machine& machine,
                   const Journal& journal) {
  Wishes wishes;
  Planner planner(journal, machine.replace);
  bool restart = false;  // what a running program reads at its start

  for (const Answers::File& file : answers.files) {
    Secret bytes(std::string(given.files.at(file.source).reveal()));
    restart = planner.file(file.path, std::move(bytes), file.mode, machine.user(file.user),
                           "file of yours") ||
              restart;
  }

  const std::string shipped = text_at(machine.share + "/agent.toml");
  const std::string config = wanted_config(answers, machine, shipped);
  if (config.empty()) required(machine.config, "there is none shipped to begin with");
  wishes.facts = agent_facts(config, machine.config);
  const AgentFacts& facts = wishes.facts;
  restart = put(planner, machine.config, Secret(std::string(config)), 0644, {},
                "configuration of the programs", {digest(shipped)}) ||
            restart;

  const std::string shipped_policy = text_at(machine.share + "/policies/default.toml");
  std::string policy = given.policy.empty() ? text_at(facts.policy) : given.policy;
  if (policy.empty())
    policy = required(machine.share + "/policies/default.toml", "there is no other policy");
  wishes.hosts = machine.hosts(policy, facts.policy);
  put(planner, facts.policy, Secret(std::string(policy)), 0644, {}, "policy",
      {digest(shipped_policy)});
  restart = plan_drop_ins(planner, machine, facts.provider) || restart;

  PresentAuthority present;
  wishes.request = folder_of(facts.certificate) + "/ca.csr";
  present.certificate = text_at(facts.certificate);
  present.key = secret_at(facts.key);
  present.request = text_at(wishes.request);
  if (const TrustStore* store = detect_store(exists)) present.bundle = text_at(store->bundle);
  if (!answers.hosts.empty()) wishes.hosts = answers.hosts;
  Authority authority =
      settle_authority(answers, wishes.hosts, present, std::move(given.authority), machine.now);
  wishes.waiting = authority.certificate.empty();

  // Units make this one too; in a container nothing else does.
  planner.folder(folder_of(facts.ledger), 0700, machine.user(facts.recorder_user));
  plan_site_key(planner, machine, facts);
  const auto signer = machine.user(facts.signer_user);
  planner.folder(folder_of(facts.key), 0700, signer);
  restart =
      put(planner, facts.key, std::move(authority.key), 0600, signer, "key of the CA") || restart;
  if (!authority.request.empty())
    planner.file(wishes.request, Secret(std::string(authority.request)), 0644, {}, authority.what);
  if (!wishes.waiting) {
    plan_trust(planner, answers, journal, authority, facts.certificate);
    // After everything else: units run once it is there.
    restart = put(planner, facts.certificate, Secret(std::string(authority.certificate)), 0644, {},
                  authority.what) ||
              restart;
    if (answers.start) plan_units(planner, machine, facts, restart);
  }
  wishes.plan = planner.take();
  return wishes;
}

}  // namespace veilwire::setup
