#include "userspace/identity/userinfo.h"

#include "userspace/identity/group_list.h"

namespace veilwire::identity {

std::optional<IdpRequest> userinfo_request(const OidcProvider& provider, const Tokens& tokens) {
  if (!provider.userinfo_endpoint) return std::nullopt;
  IdpRequest request;
  request.url = *provider.userinfo_endpoint;
  request.authorization = SecretBuilder()
                              .append(tokens.bound ? "DPoP " : "Bearer ")
                              .append(tokens.access_token.reveal())
                              .take();
  return request;
}

Result<UserInfo, IdpFault> read_userinfo(const IdpResponse& response, std::string_view subject,
                                         const std::vector<std::string>& groups) {
  const auto object = read_answer(response);
  if (!object) return Unexpected{object.error()};
  const auto malformed = [](std::string_view about) {
    return Unexpected{IdpFault{.error = IdpError::MemberMalformed, .about = about, .status = 200}};
  };
  const std::string* const about = object->text_at("sub");
  if (about == nullptr)
    return Unexpected{IdpFault{.error = IdpError::MemberMissing, .about = "sub", .status = 200}};
  if (*about != subject) return malformed("sub");
  UserInfo info;
  const JsonValue* const listed = groups.empty() ? nullptr : object->find(groups);
  if (listed == nullptr || listed->kind == JsonValue::Kind::Null) return info;
  info.groups = read_group_list(*listed);
  if (!info.groups) return malformed("groups");
  return info;
}

}  // namespace veilwire::identity
