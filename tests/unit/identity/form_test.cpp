#include "userspace/identity/form.h"

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

TEST(Form, IsWrittenAsRfc6749AppendixBShows) {
  // U+0020, U+0025, U+0026, U+002B, U+00A3, U+20AC.
  EXPECT_EQ(Form().add("v", " %&+\xc2\xa3\xe2\x82\xac").take().reveal(),
            "v=+%25%26%2B%C2%A3%E2%82%AC");
}

TEST(Form, KeepsOrderAndEscapesNames) {
  Form form;
  form.add("a=b", "1").add_unless_empty("none", "").add("c", "-._*~").add("d", "");
  EXPECT_EQ(form.take().reveal(), "a%3Db=1&c=-._*%7E&d=");
}

TEST(Form, IsReadAsItWasWritten) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  const auto fields = parse_form(Form().add("x", all).add(all, "y").take().reveal(), 2);
  ASSERT_TRUE(fields);
  EXPECT_EQ(*find(*fields, "x"), all);
  EXPECT_EQ(*find(*fields, all), "y");
  EXPECT_EQ(find(*fields, "z"), nullptr);
}

TEST(Form, MayLackValues) {
  const auto fields = parse_form("a&b=&=c", 8);
  ASSERT_TRUE(fields);
  EXPECT_EQ(fields->size(), 3U);
  EXPECT_EQ(*find(*fields, "a"), "");
  EXPECT_EQ(*find(*fields, "b"), "");
  EXPECT_EQ(*find(*fields, ""), "c");
  EXPECT_TRUE(parse_form("", 8)->empty());
}

TEST(Form, IsRefusedWhereReadersDiffer) {
  for (const char* text : {"a=1&a=2", "code=x&c%6Fde=y", "a&a", "a=%", "a=%4", "a=%zz", "a=b c",
                           "a=b\r\n", "a=\x7f", "a=\xc3\xa9", "a=1&&b=1&"})
    EXPECT_EQ(parse_form(text, 8).has_value(), std::string_view(text) == "a=1&&b=1&") << text;
  EXPECT_TRUE(parse_form("a=1&b=2", 2));
  EXPECT_FALSE(parse_form("a=1&b=2&c=3", 2));
}

}  // namespace
}  // namespace veilwire::identity
