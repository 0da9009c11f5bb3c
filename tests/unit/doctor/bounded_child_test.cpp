#include "agent/doctor/bounded_child.h"

#include <stdexcept>

#include <gtest/gtest.h>
#include <unistd.h>

namespace veilwire::doctor {
namespace {

using Tell = std::function<void(const std::string&)>;

TEST(BoundedChild, WhatItReturnsComesWhole) {
  const std::string large(1'000'000, 'x');
  const auto result = in_bounded_child({.work = [&](const Tell&) { return large; }});
  EXPECT_EQ(result.bytes, large);
}

TEST(BoundedChild, OneThatHangsIsGivenUpAndWhereItWasIsKnown) {
  const auto result =
      in_bounded_child({.patience = std::chrono::milliseconds(300), .work = [](const Tell& tell) {
                          tell("the first part");
                          tell("the second part");
                          ::pause();
                          return std::string();
                        }});
  EXPECT_EQ(result.bytes, std::nullopt);
  EXPECT_EQ(result.last_told, "the second part");
}

TEST(BoundedChild, OneThatThrowsOrDiesGivesNothing) {
  EXPECT_EQ(in_bounded_child({.work = [](const Tell&) -> std::string {
              throw std::runtime_error("no");
            }}).bytes,
            std::nullopt);
  EXPECT_EQ(in_bounded_child({.work = [](const Tell&) -> std::string { ::_exit(0); }}).bytes,
            std::nullopt);
}

TEST(BoundedChild, ItRunsAsWhomItShall) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root";
  const auto result =
      in_bounded_child({.as = 65534, .work = [](const Tell&) {
                          // Neither now nor again.
                          const bool back = ::setresuid(0, 0, 0) == 0;
                          return std::to_string(::getuid()) + (back ? " and root" : "");
                        }});
  EXPECT_EQ(result.bytes, "65534");
}

}  // namespace
}  // namespace veilwire::doctor
