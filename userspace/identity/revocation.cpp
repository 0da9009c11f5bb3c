#include "userspace/identity/revocation.h"

#include <utility>

namespace veilwire::identity {

std::optional<IdpRequest> revocation_request(const ClientContext& context, const Secret& token,
                                             TokenHint hint) {
  Form form;
  form.add("token", token.reveal()).add("token_type_hint", to_string(hint));
  return client_request(context, ClientEndpoint::Revocation, std::move(form));
}

Result<void, IdpFault> read_revocation(const IdpResponse& response) {
  return read_empty_answer(response);
}

}  // namespace veilwire::identity
