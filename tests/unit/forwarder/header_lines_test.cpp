#include "agent/forwarder/header_lines.h"

#include <gtest/gtest.h>

namespace veilwire::forwarder {
namespace {

TEST(HeaderLines, AreFieldsALine) {
  const auto fields =
      read_header_lines("# why\n\nAuthorization: Bearer a:b\r\n  X-Tenant:7  \nX-Empty:");
  ASSERT_TRUE(fields);
  EXPECT_EQ(*fields,
            (HeaderFields{{"Authorization", "Bearer a:b"}, {"X-Tenant", "7"}, {"X-Empty", ""}}));
  EXPECT_TRUE(read_header_lines("")->empty());
}

TEST(HeaderLines, AMistakeIsSaidWithoutTheValue) {
  for (const char* text :
       {"X-A: 1\nhunter2", "X-A: 1\nX B: hunter2", "X-A: 1\n: hunter2", "X-A: 1\nX-B: hunter2\x01",
        "X-A: 1\nX-B: hunter2\rX-C: 1", "X-A: 1\nX-B: hunter2\xc3\xa4"}) {
    const auto fields = read_header_lines(text);
    ASSERT_FALSE(fields) << text;
    EXPECT_TRUE(fields.error().starts_with("line 2: ")) << fields.error();
    EXPECT_EQ(fields.error().find("hunter2"), std::string::npos);
  }
}

TEST(HeaderLines, WhatSaysWhereARequestEndsIsNotTheirs) {
  for (const char* text : {"Host: a", "CONTENT-LENGTH: 0", "Transfer-Encoding: chunked",
                           "connection: close", "Content-Type: a", "content-encoding: br"})
    EXPECT_FALSE(read_header_lines(text)) << text;
}

}  // namespace
}  // namespace veilwire::forwarder
