#include "agent/doctor/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace veilwire::doctor {
namespace {

using testing::HasSubstr;
using testing::Not;

const Finding kOk = good("a-check", "fine");
const Finding kNote = note("b-check", "", "so it is", "know it");
const Finding kWarning = warning("c-check", "one", "missing", "add it");
const Finding kCritical = critical("d-check", "", "broken", "mend it");
const Finding kUnseen = unseen("e-check", "dark");

TEST(Report, ExitCodesAreThoseOfMonitoringPlugins) {
  EXPECT_EQ(exit_code({kOk, kNote}), 0);
  EXPECT_EQ(exit_code({kOk, kWarning, kUnseen}), 1);
  EXPECT_EQ(exit_code({kWarning, kCritical, kUnseen}), 2);
  EXPECT_EQ(exit_code({kOk, kUnseen}), 3);
  EXPECT_EQ(exit_code({}), 3) << "nothing was looked at";
}

TEST(Report, TheWorstComesFirstAndWhatIsOkIsCounted) {
  const std::string text = to_text({kOk, kNote, kUnseen, kWarning, kCritical}, false);
  EXPECT_EQ(text,
            "critical  d-check: broken\n"
            "          -> mend it\n"
            "warning   c-check (one): missing\n"
            "          -> add it\n"
            "unseen    e-check: dark\n"
            "          -> run it as root\n"
            "note      b-check: so it is\n"
            "          -> know it\n"
            "veilwire CRITICAL: 1 critical, 1 warning, 1 not looked at, 1 note, 1 ok\n");
}

TEST(Report, AllShowsWhatIsOkToo) {
  EXPECT_EQ(to_text({kOk}, true), "ok        a-check: fine\nveilwire OK: 1 ok\n");
  EXPECT_EQ(to_text({kOk}, false), "veilwire OK: 1 ok\n");
}

TEST(Report, NothingOfAStrangerReachesTheTerminalAsItIs) {
  const std::string text =
      to_text({warning("c-check", "\x1b[2J", "a\nveilwire OK: 1 ok", "\x1b]0;x\a")}, false);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\nveilwire OK")));
}

TEST(Report, JsonHasEveryFindingWithItsId) {
  const auto document = nlohmann::json::parse(to_json({kOk, kWarning}));
  EXPECT_EQ(document["exit_code"], 1);
  EXPECT_EQ(document["verdict"], "WARNING");
  ASSERT_EQ(document["findings"].size(), 2U);
  EXPECT_EQ(document["findings"][0],
            nlohmann::json::parse(R"({"id":"c-check","severity":"warning","subject":"one",)"
                                  R"("is":"missing","to_do":"add it"})"));
  EXPECT_FALSE(document["findings"][1].contains("to_do"));
}

TEST(Report, BytesThatAreNoTextDoNotBreakTheDocument) {
  EXPECT_FALSE(nlohmann::json::parse(to_json({warning("c", "\xff", "\xfe", "x")})).empty());
}

}  // namespace
}  // namespace veilwire::doctor
