// The questions that a person is asked, and their answers as the file that a fleet would write:
// what is said here can be said again, elsewhere. Tested by tests/unit/setup/questions_test.cpp.
#pragma once

#include <iosfwd>
#include <stdexcept>
#include <string>
#include <vector>

namespace veilwire::setup {

// Whoever was asked has gone (end of input).
class NoAnswer : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// hosts: what the policy intercepts. Throws NoAnswer.
std::string ask_answers(std::istream& in, std::ostream& out, const std::vector<std::string>& hosts);

// "y" or "yes".
bool ask_yes(std::istream& in, std::ostream& out, const std::string& question, bool otherwise);

}  // namespace veilwire::setup
