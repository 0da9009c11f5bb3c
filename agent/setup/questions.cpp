#include "agent/setup/questions.h"

#include <algorithm>
#include <istream>
#include <ostream>
#include <sstream>

#include <toml++/toml.h>

namespace veilwire::setup {
namespace {

std::string ask(std::istream& in, std::ostream& out, const std::string& question,
                const std::string& otherwise) {
  out << question << (otherwise.empty() ? "" : " [" + otherwise + "]") << ": " << std::flush;
  std::string line;
  if (!std::getline(in, line)) throw NoAnswer("no answer: nothing was changed");
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!line.empty() && blank(line.back())) line.pop_back();
  line.erase(line.begin(), std::find_if_not(line.begin(), line.end(), blank));
  return line.empty() ? otherwise : line;
}

std::string ask_needed(std::istream& in, std::ostream& out, const std::string& question) {
  for (;;)
    if (std::string answer = ask(in, out, question, ""); !answer.empty()) return answer;
}

std::string ask_one_of(std::istream& in, std::ostream& out, const std::string& question,
                       const std::vector<std::string>& choices) {
  std::string all;
  for (const std::string& choice : choices) all += (all.empty() ? "" : ", ") + choice;
  for (;;) {
    std::string answer = ask(in, out, question + " (" + all + ")", choices.front());
    if (std::find(choices.begin(), choices.end(), answer) != choices.end()) return answer;
    out << "Please say one of: " << all << '\n';
  }
}

toml::array words(const std::string& text) {
  toml::array list;
  std::string word;
  std::istringstream in(text);
  while (in >> word) {
    if (word.ends_with(',')) word.pop_back();
    if (!word.empty()) list.push_back(word);
  }
  return list;
}

toml::table ask_ca(std::istream& in, std::ostream& out, const std::vector<std::string>& hosts) {
  out << "The certificate authority (CA) signs what clients are shown for intercepted hosts, and\n"
         "only for those. It can be made here, imported, or requested: then the organisation's\n"
         "CA signs it, and set-up goes on once that is done.\n";
  toml::table ca;
  const std::string from = ask_one_of(in, out, "CA", {"made", "imported", "requested"});
  ca.insert("from", from);
  std::string joined;
  for (const std::string& host : hosts) joined += (joined.empty() ? "" : " ") + host;
  const std::string wanted = ask(in, out, "Hosts that it may sign for", joined);
  if (wanted != joined) ca.insert("hosts", words(wanted));
  if (from == "imported") {
    ca.insert("certificate", ask_needed(in, out, "File of its certificate, up to the root (PEM)"));
    ca.insert("key", ask_needed(in, out, "File of its key (PEM)"));
  } else if (from == "requested") {
    ca.insert("certificate", ask(in, out, "File that the signed certificate will be in",
                                 "/etc/veilwire/ca-signed.pem"));
  }
  return ca;
}

void ask_identity(std::istream& in, std::ostream& out, toml::table& answers) {
  out << "\nWho a person is, says the system (local), an OpenID provider (oidc) or a SAML 2.0\n"
         "provider (saml).\n";
  const std::string provider = ask_one_of(in, out, "People", {"local", "oidc", "saml"});
  toml::table identity;
  identity.insert("provider", provider);
  if (provider == "oidc") {
    identity.insert("issuer", ask_needed(in, out, "Issuer, https://..."));
    identity.insert("client_id", ask_needed(in, out, "Client id"));
  }
  if (provider != "local") {
    toml::table account;
    const std::string claim =
        provider == "oidc"
            ? ask(in, out, "Claim that holds the name of the account here", "preferred_username")
            : ask(in, out, "Attribute that holds the name of the account here", "uid");
    account.insert("claim", toml::array{claim});
    identity.insert("account", toml::array{std::move(account)});
  }
  if (provider == "saml") {
    toml::table saml, file;
    saml.insert("entity_id", ask_needed(in, out, "Our name at the provider (entity id)"));
    file.insert("source", ask_needed(in, out, "File of the provider's metadata (XML)"));
    file.insert("path", "/etc/veilwire/saml-idp.xml");
    answers.insert("saml", std::move(saml));
    answers.insert("host", toml::table{{"file", toml::array{std::move(file)}}});
  }
  answers.insert("identity", std::move(identity));
}

}  // namespace

bool ask_yes(std::istream& in, std::ostream& out, const std::string& question, bool otherwise) {
  const std::string answer = ask(in, out, question + " (yes, no)", otherwise ? "yes" : "no");
  return answer == "y" || answer == "yes" || answer == "Y" || answer == "YES";
}

std::string ask_answers(std::istream& in, std::ostream& out,
                        const std::vector<std::string>& hosts) {
  toml::table answers;
  answers.insert("ca", ask_ca(in, out, hosts));
  out << '\n';
  toml::table trust;
  trust.insert("system_store", ask_yes(in, out, "Shall the system trust this CA?", true));
  trust.insert("node",
               ask_yes(in, out, "Shall Claude Code on Node, which has a store of its own?", true));
  answers.insert("trust", std::move(trust));
  out << '\n';
  if (const std::string policy = ask(in, out, "A policy of yours (empty: the installed one)", "");
      !policy.empty())
    answers.insert("policy", toml::table{{"file", policy}});
  ask_identity(in, out, answers);
  out << '\n';
  answers.insert("services",
                 toml::table{{"start", ask_yes(in, out, "Start intercepting now?", true)}});
  std::ostringstream text;
  text << toml::toml_formatter{answers};
  return text.str() + "\n";
}

}  // namespace veilwire::setup
