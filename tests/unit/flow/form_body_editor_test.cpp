#include "userspace/flow/form_body_editor.h"

#include "tests/unit/flow/editor_harness.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

const EditorContext kForm{.service = policy::Service::Generic,
                          .direction = policy::Direction::Request,
                          .media_type = "application/x-www-form-urlencoded",
                          .target = "/",
                          .request_id = "",
                          .mcp_method = ""};

std::string encoded(std::string text) {
  for (const auto& [c, code] : {std::pair('[', "%5B"), {']', "%5D"}, {':', "%3A"}})
    for (std::size_t at = 0; (at = text.find(c, at)) != std::string::npos;)
      text.replace(at, 1, code);
  return text;
}

void expect_masked(const std::string& form, const std::string& expected) {
  const Outcome outcome = run(kForm, form);
  EXPECT_EQ(outcome.bytes, expected);
  testing::every_split(form, [](const testing::Pieces& pieces) { return run(kForm, pieces); });
}

TEST(FormBody, ValuesAreMaskedInTheirEncoding) {
  const std::string token(kToken);
  const std::string mask = encoded(masked(token));
  expect_masked("a=1&text=the+key+" + token + "%2E&b=", "a=1&text=the+key+" + mask + "%2E&b=");
  expect_masked("a%5B0%5D=s%6b-Abcdefgh%30%31234567", "a%5B0%5D=" + mask);
  const std::string pin = masked("pin = \"1234\"");
  expect_masked("pin+%3D+%221234%22=x&" + token,
                "pin+%3D+%22" + encoded(pin.substr(7, pin.size() - 8)) + "%22=x&" + mask);
}

TEST(FormBody, MasksSayWhereTheyStand) {
  const Outcome outcome = run(kForm, "a=1&b=" + std::string(kToken) + "&c=" + std::string(kToken));
  EXPECT_EQ(outcome.masks.size(), 2U);
  EXPECT_EQ(without_masks(outcome), "a=1&b=&c=");
}

TEST(FormBody, CredentialsForTheServerStay) {
  const std::string token(kToken);
  const std::string form = "grant_type=refresh_token&client_id=a&client_secret=" + token +
                           "&refresh_token=" + token + "&code=" + token + "&assertion=" + token;
  expect_masked(form, form);
}

TEST(FormBody, WithoutAFindingKeepsItsBytes) {
  for (const std::string form : {"", "a", "a=", "a=1&&b=%zz%4&=&c=%00%FF;d+e", "a=1&b=2\r\n"})
    expect_masked(form, form);
}

TEST(FormBody, ThatIsNoneIsTextAsItStands) {
  const std::string token(kToken);
  for (const std::string before :
       {"{\"a\":\"", "text ", "=", "\n", "a&b=", "<x y=\"", "", std::string(300, 'x').c_str()})
    expect_masked(before + token + "&z", masked(before + token + "&z"));
}

TEST(FormBody, BlocksBeforeAByteOfTheParameter) {
  const std::string form = "a=1&b=%62k-Abcdefgh01234567&c=2";
  testing::every_split(form, [](const testing::Pieces& pieces) { return run(kForm, pieces); });
  const Outcome outcome = run(kForm, form);
  EXPECT_EQ(outcome.bytes, "a=1&");
  EXPECT_EQ(outcome.blocked, "refused 4");
}

TEST(FormBody, OfAnAnswerIsMaskedAlike) {
  EditorContext answer = kForm;
  answer.direction = policy::Direction::Response;
  EXPECT_EQ(run(answer, "a=s%6b-Abcdefgh01234567&access_token=" + std::string(kToken)).bytes,
            "a=" + encoded(masked(kToken)) + "&access_token=" + std::string(kToken));
}

TEST(FormBody, SaysWhereItsCredentialsStand) {
  const std::string form = "a=" + std::string(kToken) + "&client_secret=xyz&b&code=&token=1";
  const auto editor = make_body_editor(kForm, engine());
  Released out;
  editor->feed(form.substr(0, 40), out);
  editor->feed(form.substr(40), out);
  editor->finish(out);
  std::vector<std::string> credentials;
  for (const Stretch& s : out.credentials)
    credentials.push_back(out.bytes.substr(s.offset, s.size));
  EXPECT_EQ(credentials, (std::vector<std::string>{"xyz", "1"}));
}

}  // namespace
}  // namespace veilwire::flow
