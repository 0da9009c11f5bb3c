// Runs a program that is not ours, to learn what it thinks: as nobody, without network, with a
// clean environment and a bound on its time and its words. A runtime's own trust store is asked in
// this way, since reading its files would be a guess. Tested by
// tests/unit/doctor/foreign_program_test.cpp.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace veilwire::doctor {

struct ForeignRun {
  std::vector<std::string> command;           // the first word is a path
  std::string input;                          // on its standard input; at most what a pipe holds
  int descriptor = -1;                        // that it finds as 3
  std::vector<std::string> environment = {};  // besides PATH, LC_ALL and HOME
  std::chrono::milliseconds patience{10'000};
  // As nobody and without network. Only for root, and false for what looks at the host itself
  // (systemctl), of the system's own folders.
  bool confined = true;
  bool errors_too = false;  // its standard error is among its words
};

struct ForeignOutcome {
  std::string text = {};     // standard output, and errors where asked
  int exit_code = -1;        // -1: did not get to its end
  std::string problem = {};  // why not; empty: it ran to its end
};

ForeignOutcome run_foreign(const ForeignRun& run);

// The first of these in the system's folders that can be executed; "": none.
std::string find_program(const std::vector<std::string>& names,
                         const std::vector<std::string>& folders = {"/usr/local/bin", "/usr/bin",
                                                                    "/bin", "/usr/sbin"});

}  // namespace veilwire::doctor
