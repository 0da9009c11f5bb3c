// The CA that a host is to have: the present one where it will do, else a new one, an imported one,
// or a request for the organisation to sign. All in memory: nothing is written here. Tested by
// tests/unit/setup/authority_test.cpp.
#pragma once

#include "agent/setup/answers.h"
#include "userspace/base/secret.h"
#include "userspace/base/time.h"

#include <string>
#include <vector>

namespace veilwire::setup {

// What is there: contents of files, empty where there is none.
struct PresentAuthority {
  std::string certificate;  // as the programs read it
  Secret key;
  std::string request;
  std::string bundle;  // what the system trusts
};

// What the answers name: likewise.
struct GivenAuthority {
  std::string certificate;
  Secret key;
};

struct Authority {
  std::string certificate;  // the chain, PEM; empty: it has to be signed first
  Secret key;               // PEM
  std::string anchor;       // what clients are to trust; empty: they do already
  std::string request;      // PEM; empty: none is needed
  std::string what;         // one line for a person
};

// hosts: what it has to be good for. Throws std::runtime_error that says what is wrong and what to
// do.
Authority settle_authority(const Answers& answers, const std::vector<std::string>& hosts,
                           const PresentAuthority& present, GivenAuthority given, WallTime now);

// Of the CAs in a file those that the system trusts: what an undo has left because set-up has not
// put it there. Each as its subject.
std::vector<std::string> trusted_still(std::string_view certificates, std::string_view bundle);

}  // namespace veilwire::setup
