#include "agent/doctor/http_date.h"

#include <gtest/gtest.h>

namespace veilwire::doctor {
namespace {

TEST(HttpDate, IsReadAsSecondsSince1970) {
  EXPECT_EQ(read_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
}

TEST(HttpDate, AnythingElseIsNone) {
  for (const char* text : {"", "yesterday", "Sun, 06 Nov 1994 08:49:37", "1994-11-06T08:49:37Z",
                           "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT"})
    EXPECT_EQ(read_http_date(text), std::nullopt) << text;
}

}  // namespace
}  // namespace veilwire::doctor
