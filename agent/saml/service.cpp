#include "agent/saml/service.h"

#include "agent/saml/response.h"
#include "userspace/crypto/encoding.h"

#include <utility>

namespace veilwire::saml {
namespace {

using namespace host::protocol;

constexpr std::size_t kIdBytes = 20;  // core, 1.3.4: 128 to 160 bits

}  // namespace

Service::Service(SpSettings settings, const std::string& metadata, crypto::RandomSource random)
    : settings_(settings),
      idp_(read_idp(metadata)),
      keys_(idp_.certificates),
      lasso_(std::move(settings), metadata, idp_.entity_id),
      random_(std::move(random)) {}

Result<identity::SamlAssertion, SamlRefused> Service::finish(const SamlFinish& question) {
  // Browsers post what the IdP's page holds: lines of base64 are usual there.
  std::string text = question.response;
  std::erase_if(text, [](char c) { return c == '\r' || c == '\n' || c == ' ' || c == '\t'; });
  const auto xml = crypto::base64_decode(text);
  if (!xml) return Unexpected{SamlRefused{SamlError::NotBase64, {}}};
  const Expected expected{.issuer = idp_.entity_id,
                          .audience = settings_.entity_id,
                          .recipient = settings_.address,
                          .in_response_to = question.in_response_to,
                          .now = question.now};
  auto response =
      read_response(*xml, expected, [this](XmlNode* element) { return keys_.verify(element); });
  if (!response) return Unexpected{response.error()};
  identity::SamlAssertion& assertion = response->assertion;
  if (!lasso_.takes(response->xml, assertion.id))
    return Unexpected{SamlRefused{SamlError::BadSignature, "lasso"}};
  if (const auto refused = used_.use(assertion.id, assertion.usable_until, question.now))
    return Unexpected{SamlRefused{*refused, {}}};
  return std::move(assertion);
}

SamlAnswer Service::answer(const SamlQuestion& question) {
  const auto refuse = [&](SamlRefused refused) {
    ++counters_.refused;
    return SamlAnswer{question.id, std::move(refused)};
  };
  if (const auto* begin = std::get_if<SamlBegin>(&question.what)) {
    const std::string id = "_" + crypto::hex_encode(crypto::random_bytes(random_, kIdBytes));
    auto begun = lasso_.begin(*begin, id);
    if (!begun) return refuse({SamlError::Unusable, "the IdP has no HTTP-Redirect endpoint"});
    ++counters_.begun;
    return {question.id, *std::move(begun)};
  }
  auto assertion = finish(std::get<SamlFinish>(question.what));
  if (!assertion) return refuse(assertion.error());
  ++counters_.finished;
  return {question.id, *std::move(assertion)};
}

}  // namespace veilwire::saml
