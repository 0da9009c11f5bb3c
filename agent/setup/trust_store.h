// Where this system keeps the certificates that it trusts, and what makes it so: a folder for ours,
// a tool, and the folders that the tool writes anew. Which one a system has is seen from its files.
// Tested by tests/unit/setup/trust_store_test.cpp and tests/setup/setup_test.py.
#pragma once

#include "agent/setup/journal.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::setup {

struct TrustStore {
  std::string name;                   // "debian"
  std::string anchor;                 // path of our certificate
  std::vector<std::string> update;    // the tool
  std::vector<std::string> make_new;  // the tool when a certificate has gone
  std::string bundle;                 // of everything trusted, PEM
  std::string derived;                // the folder that the tool writes
  std::vector<std::string> sources;   // what it reads
};

const std::vector<TrustStore>& known_stores();
const TrustStore* find_store(const std::string& name);
// nullptr: the system has none that is known here.
const TrustStore* detect_store(const std::function<bool(const std::string&)>& exists);

// Everything below folders, links not followed; a file by itself. Absent ones are left out.
Tree tree_of(const std::vector<std::string>& places);
// Of what the tool reads, but for our own certificate.
std::string digest_of_sources(const TrustStore& store);

// Whether a bundle holds this certificate, by its bytes as PEM spells them.
bool bundle_holds(std::string_view bundle, std::string_view certificate_pem);

}  // namespace veilwire::setup
