#include "userspace/identity/idp_fault.h"

#include "tests/unit/identity/idp_responses.h"

#include <set>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using std::chrono::seconds;

IdpFault fault_of(const IdpResponse& response) { return read_answer(response).error(); }

TEST(IdpFault, IsNoneInAnAnswer) {
  EXPECT_TRUE(read_answer(answer("{}")));
  for (const char* type :
       {"application/json; charset=utf-8", "Application/JSON ;x=y", "application/jwk-set+json"})
    EXPECT_TRUE(read_answer(answer("{}", 200, type))) << type;
}

TEST(IdpFault, OfRfc6749IsReadAsAValue) {
  const IdpFault fault = fault_of(answer(R"({"error":"invalid_request"})", 400));
  EXPECT_EQ(fault.error, IdpError::Refused);
  EXPECT_EQ(fault.code, OAuthError::InvalidRequest);
  EXPECT_EQ(to_string(fault), "the IdP refused with invalid_request, status 400");
}

TEST(IdpFault, IsReadUnderEveryStatusThatIdpsUseForIt) {
  for (const int status : {200, 400, 401, 403, 428, 429})
    EXPECT_EQ(fault_of(answer(R"({"error":"slow_down"})", status)).code, OAuthError::SlowDown);
  for (const int status : {100, 199, 201, 204, 301, 302, 307, 308, 500, 502, 503, 0, -1, 999}) {
    const IdpFault fault = fault_of(answer(R"({"error":"invalid_grant"})", status));
    EXPECT_EQ(fault.error, IdpError::UnexpectedStatus) << status;
    EXPECT_EQ(verdict(fault), IdpVerdict::Failing) << status;
  }
}

TEST(IdpFault, OfAnErrorPageIsAFailureAndNoRefusal) {
  EXPECT_EQ(fault_of(error_page(200)).error, IdpError::NotJson);
  for (const int status : {302, 400, 401, 403, 404, 500, 502, 503}) {
    EXPECT_EQ(fault_of(error_page(status)).error, IdpError::UnexpectedStatus);
    EXPECT_EQ(verdict(fault_of(error_page(status))), IdpVerdict::Failing);
  }
  // The same under the right media type, and JSON under a wrong one.
  EXPECT_EQ(fault_of(answer("<html>")).error, IdpError::NotJson);
  for (const char* type : {"", "text/html", "text/json", "application/jsonp", "application/jwt"})
    EXPECT_EQ(fault_of(answer("{}", 200, type)).error, IdpError::NotJson) << type;
}

TEST(IdpFault, OfABodyIsToldApart) {
  EXPECT_EQ(fault_of(answer("[]")).error, IdpError::NotJson);
  EXPECT_EQ(fault_of(answer("")).error, IdpError::NotJson);
  EXPECT_EQ(fault_of(answer(R"({"a":1,"a":2})")).error, IdpError::DuplicateMember);
  EXPECT_EQ(fault_of(answer(R"({"error":"invalid_grant","error":"x"})")).error,
            IdpError::DuplicateMember);
  EXPECT_EQ(fault_of(answer(R"({"error":"a","error":"b"})", 400)).error,
            IdpError::UnexpectedStatus);
  const std::string deep = R"({"a":)" + std::string(100, '[') + std::string(100, ']') + "}";
  EXPECT_EQ(fault_of(answer(deep)).error, IdpError::TooComplex);
  const std::string largest = "{" + std::string(limits::kIdpAnswer - 2, ' ') + "}";
  EXPECT_TRUE(read_answer(answer(largest)));
  EXPECT_EQ(fault_of(answer(largest + " ")).error, IdpError::TooLarge);
}

TEST(IdpFault, ShowsNoTextThatCouldDoMoreThanBeRead) {
  const auto said = [](const std::string& json) { return fault_of(answer(json, 400)).said; };
  EXPECT_EQ(said(R"({"error":"invalid_grant","error_description":"it has expired"})"),
            "it has expired");
  EXPECT_EQ(said(R"({"error":"x","error_description":"a\r\nSet-Cookie: b\u0000\u001b[2J\u007f"})"),
            "x: a??Set-Cookie: b??[2J?");
  EXPECT_EQ(said(R"({"error":"x\ny"})"), "x?y");
  // A right-to-left override is three bytes.
  EXPECT_EQ(said(R"({"error":"invalid_grant","error_description":"\u202etxt"})"), "???txt");
  EXPECT_EQ(said(R"({"error":"invalid_grant","error_description":7})"), "");
  EXPECT_EQ(
      said(R"({"error":"invalid_grant","error_description":")" + std::string(5000, 'a') + "\"}"),
      std::string(limits::kIdpText, 'a'));
}

TEST(IdpFault, OfATextThatIsNoCodeIsNoRefusal) {
  for (const char* body :
       {R"({"error":7})", R"({"error":null})", R"({"error":{"code":"x"}})", "{}"})
    EXPECT_EQ(fault_of(answer(body, 400)).error, IdpError::UnexpectedStatus) << body;
}

TEST(IdpFault, SaysWhetherTheIdpSaidNoToThePersonOrToUsOrFails) {
  const auto verdict_of = [](std::string_view code) {
    return verdict(fault_of(answer(R"({"error":")" + std::string(code) + "\"}", 400)));
  };
  for (const char* code : {"invalid_grant", "access_denied", "expired_token",
                           "interaction_required", "login_required", "consent_required"})
    EXPECT_EQ(verdict_of(code), IdpVerdict::Denied) << code;
  for (const char* code :
       {"invalid_client", "invalid_request", "unauthorized_client", "unsupported_grant_type",
        "invalid_scope", "invalid_token", "invalid_dpop_proof"})
    EXPECT_EQ(verdict_of(code), IdpVerdict::Misconfigured) << code;
  for (const char* code : {"server_error", "temporarily_unavailable", "slow_down", "not_found",
                           "use_dpop_nonce", "Invalid_Grant", "invalid_grant "})
    EXPECT_EQ(verdict_of(code), IdpVerdict::Failing) << code;
  EXPECT_EQ(verdict({.error = IdpError::WrongIssuer}), IdpVerdict::Misconfigured);
  EXPECT_EQ(verdict({.error = IdpError::Unreachable}), IdpVerdict::Failing);
}

TEST(IdpFault, HonoursRetryAfterWithinBounds) {
  const auto wait = [](std::string_view text) {
    IdpResponse response = error_page(503);
    response.retry_after = text;
    return fault_of(response).retry_after;
  };
  EXPECT_EQ(wait("0"), seconds(0));
  EXPECT_EQ(wait("120"), seconds(120));
  for (const char* text : {"301", "4294967295", "4294967296", "99999999999999999999999999"})
    EXPECT_EQ(wait(text), limits::kIdpRetryMost) << text;
  for (const char* text : {"", "-1", "1.5", " 1", "1 ", "1, 2", "Wed, 21 Oct 2026 07:28:00 GMT"})
    EXPECT_EQ(wait(text), std::nullopt) << text;
}

TEST(IdpFault, OfAnAnswerWithoutABodyIsItsStatus) {
  EXPECT_TRUE(read_empty_answer(answer("", 200, "")));
  EXPECT_TRUE(read_empty_answer(error_page(200)));
  EXPECT_EQ(read_empty_answer(error_page(503)).error().error, IdpError::UnexpectedStatus);
  EXPECT_EQ(read_empty_answer(answer(R"({"error":"invalid_client"})", 401)).error().code,
            OAuthError::InvalidClient);
}

TEST(IdpFault, TellsErrorsApartInWords) {
  std::set<std::string_view> errors, codes;
  constexpr int kErrors = static_cast<int>(IdpError::UnknownTokenType);
  for (int i = 0; i <= kErrors; ++i) errors.insert(to_string(static_cast<IdpError>(i)));
  EXPECT_EQ(errors.size(), static_cast<std::size_t>(kErrors + 1));
  EXPECT_EQ(errors.count("unknown"), 0U);
  constexpr int kCodes = static_cast<int>(OAuthError::Other);
  for (int i = 0; i <= kCodes; ++i) codes.insert(to_string(static_cast<OAuthError>(i)));
  EXPECT_EQ(codes.size(), static_cast<std::size_t>(kCodes + 1));
  for (int i = 0; i <= kCodes; ++i)
    EXPECT_EQ(oauth_error(to_string(static_cast<OAuthError>(i))), static_cast<OAuthError>(i));
}

TEST(Credentials, AreVisibleAsciiOfBoundedLength) {
  EXPECT_TRUE(is_credential("2YotnFZFEjr1zCsicMWpAA=="));
  EXPECT_TRUE(is_credential(std::string(limits::kToken, 'a')));
  EXPECT_FALSE(is_credential(std::string(limits::kToken + 1, 'a')));
  for (const char* text : {"", "a b", "a\r\nb", "a\x7f", "\xc3\xa9"})
    EXPECT_FALSE(is_credential(text)) << text;
}

}  // namespace
}  // namespace veilwire::identity
