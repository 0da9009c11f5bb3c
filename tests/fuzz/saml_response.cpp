// Whatever a browser posts as a response. The first byte says whether signatures are verified: with
// them nothing gets behind them, without them everything that an IdP could sign is read as well.
#include "agent/saml/response.h"
#include "agent/saml/signature.h"
#include "userspace/base/limits.h"
#include "userspace/identity/printable.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace saml = veilwire::saml;

namespace {

void must_be_fit_for_records(const std::string& text) {
  if (text.size() > veilwire::limits::kTokenText) std::abort();
  if (!text.empty() && !veilwire::identity::printable(text)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  saml::start_libraries();
  if (size == 0) return 0;
  const std::string_view xml(reinterpret_cast<const char*>(data) + 1, size - 1);
  const saml::PinnedKeys none({});
  const bool verified = data[0] == '+';
  const saml::Expected expected{.issuer = "https://idp.example/saml",
                                .audience = "urn:example.com:veilwire",
                                .recipient = "http://127.0.0.1:8423/saml",
                                .in_response_to = "_request1",
                                .now = {std::chrono::seconds(1'800'000'000)}};
  const auto got = saml::read_response(xml, expected, [&](saml::XmlNode* element) {
    const auto shape = saml::signature_of(element);
    if (verified || !shape) return none.verify(element);
    return veilwire::Result<void, veilwire::host::protocol::SamlError>();
  });
  if (got && verified) std::abort();
  if (!got) {
    must_be_fit_for_records(got.error().said);
    if (got.error().said.size() > veilwire::limits::kIdpText) std::abort();
    return 0;
  }
  const auto& assertion = got->assertion;
  for (const std::string* text :
       {&assertion.issuer, &assertion.id, &assertion.subject, &assertion.subject_format,
        &assertion.session_index, &assertion.authn_context})
    must_be_fit_for_records(*text);
  for (const auto& attribute : assertion.attributes) {
    must_be_fit_for_records(attribute.name);
    for (const std::string& value : attribute.values) must_be_fit_for_records(value);
  }
  // What lasso is given says the same.
  const auto again = saml::read_response(got->xml, expected, [](saml::XmlNode* element) {
    const auto shape = saml::signature_of(element);
    if (!shape) std::abort();
    return veilwire::Result<void, veilwire::host::protocol::SamlError>();
  });
  if (again && again->assertion != assertion) std::abort();
  // It may have become too long by its escapes, and then lasso does not see it either.
  if (!again && again.error().error != veilwire::host::protocol::SamlError::TooLarge) std::abort();
  return 0;
}
