#include "agent/saml/lasso_sp.h"

#include "userspace/crypto/encoding.h"
#include "userspace/crypto/owned.h"

#include <stdexcept>
#include <utility>

#include <lasso/lasso.h>
#include <lasso/xml/saml-2.0/saml2_assertion.h>
#include <lasso/xml/saml-2.0/samlp2_authn_request.h>
#include <lasso/xml/saml-2.0/samlp2_response.h>

namespace veilwire::saml {
namespace {

void release(void* object) { g_object_unref(object); }
template <class T>
using Object = crypto::Owned<T, release>;

// As a GObject's text member holds it.
void assign(char*& member, const std::string& text) {
  g_free(member);
  member = g_strdup(text.c_str());
}

std::string own_metadata(const SpSettings& settings) {
  return "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"" +
         settings.entity_id +
         "\"><SPSSODescriptor AuthnRequestsSigned=\"false\" WantAssertionsSigned=\"true\" "
         "protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">"
         "<AssertionConsumerService isDefault=\"true\" index=\"0\" "
         "Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"" +
         settings.address + "\"/></SPSSODescriptor></EntityDescriptor>";
}

}  // namespace

struct LassoSp::State {
  SpSettings settings;
  std::string idp;
  Object<LassoServer> server;
};

LassoSp::LassoSp(SpSettings settings, const std::string& metadata, const std::string& idp_entity_id)
    : state_(std::make_unique<State>()) {
  state_->server.reset(
      lasso_server_new_from_buffers(own_metadata(settings).c_str(), nullptr, nullptr, nullptr));
  if (!state_->server) throw std::runtime_error("lasso does not take our own metadata");
  if (const int error = lasso_server_add_provider_from_buffer(
          state_->server.get(), LASSO_PROVIDER_ROLE_IDP, metadata.c_str(), nullptr, nullptr))
    throw std::runtime_error(std::string("lasso does not take the IdP's metadata: ") +
                             lasso_strerror(error));
  state_->settings = std::move(settings);
  state_->idp = idp_entity_id;
}
LassoSp::~LassoSp() = default;
LassoSp::LassoSp(LassoSp&&) noexcept = default;
LassoSp& LassoSp::operator=(LassoSp&&) noexcept = default;

std::optional<host::protocol::SamlBegun> LassoSp::begin(const host::protocol::SamlBegin& begin,
                                                        const std::string& request_id) const {
  const Object<LassoLogin> login(lasso_login_new(state_->server.get()));
  if (!login) return std::nullopt;
  LassoProfile* profile = LASSO_PROFILE(login.get());
  // Before the request begins: it would ask for a key that there is not.
  lasso_profile_set_signature_hint(profile, LASSO_PROFILE_SIGNATURE_HINT_FORBID);
  if (lasso_login_init_authn_request(login.get(), state_->idp.c_str(),
                                     LASSO_HTTP_METHOD_REDIRECT) != 0)
    return std::nullopt;
  auto* request = LASSO_SAMLP2_AUTHN_REQUEST(profile->request);
  assign(LASSO_SAMLP2_REQUEST_ABSTRACT(request)->ID, request_id);
  assign(request->ProtocolBinding, LASSO_SAML2_METADATA_BINDING_POST);
  assign(request->AssertionConsumerServiceURL, state_->settings.address);
  request->ForceAuthn = begin.sign_in_anew ? TRUE : FALSE;
  request->IsPassive = FALSE;
  if (request->NameIDPolicy != nullptr) {
    assign(request->NameIDPolicy->Format, state_->settings.name_format);
    request->NameIDPolicy->AllowCreate = TRUE;
  }
  if (!begin.relay_state.empty()) assign(profile->msg_relayState, begin.relay_state);
  if (lasso_login_build_authn_request_msg(login.get()) != 0 || profile->msg_url == nullptr)
    return std::nullopt;
  return host::protocol::SamlBegun{profile->msg_url, request_id, state_->settings.address};
}

bool LassoSp::takes(std::string_view xml, const std::string& assertion_id) const {
  const Object<LassoLogin> login(lasso_login_new(state_->server.get()));
  std::string message = crypto::base64_encode(xml);
  if (!login || lasso_login_process_authn_response_msg(login.get(), message.data()) != 0)
    return false;
  LassoNode* assertion = lasso_login_get_assertion(login.get());
  const Object<LassoNode> owned(assertion);
  return LASSO_IS_SAML2_ASSERTION(assertion) &&
         LASSO_SAML2_ASSERTION(assertion)->ID == assertion_id;
}

}  // namespace veilwire::saml
