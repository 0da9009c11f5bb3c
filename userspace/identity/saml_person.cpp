#include "userspace/identity/saml_person.h"

#include "userspace/base/limits.h"

#include <algorithm>

namespace veilwire::identity {
namespace {

const SamlAttribute* find(const SamlAssertion& assertion, std::string_view name) {
  if (name.empty()) return nullptr;
  const auto& all = assertion.attributes;
  const auto found =
      std::find_if(all.begin(), all.end(), [name](const auto& a) { return a.name == name; });
  return found == all.end() ? nullptr : &*found;
}

const std::string* only_value(const SamlAttribute* attribute) {
  return attribute != nullptr && attribute->values.size() == 1 ? &attribute->values.front()
                                                               : nullptr;
}

JsonValue text_value(const std::string& text) {
  JsonValue value;
  value.kind = JsonValue::Kind::String;
  value.text = text;
  return value;
}

JsonValue claims_of(const SamlAssertion& assertion) {
  JsonValue claims;
  claims.kind = JsonValue::Kind::Object;
  for (const SamlAttribute& attribute : assertion.attributes) {
    JsonValue value;
    if (const std::string* one = only_value(&attribute)) {
      value = text_value(*one);
    } else {
      value.kind = JsonValue::Kind::Array;
      for (const std::string& text : attribute.values) value.elements.push_back(text_value(text));
    }
    claims.members.push_back({attribute.name, std::move(value)});
  }
  return claims;
}

}  // namespace

std::string_view to_string(SamlFault fault) {
  switch (fault) {
    case SamlFault::SubjectNotLasting:
      return "the IdP names the person in a way that may change; configure a persistent NameID or "
             "an attribute";
    case SamlFault::NoSubject:
      return "the attribute that says who somebody is is not there, or has several values";
    case SamlFault::TooManyGroups:
      return "the person has too many groups";
    case SamlFault::SessionOver:
      return "the IdP's session has ended";
  }
  return "unknown";
}

Result<VerifiedToken, SamlFault> token_of(const SamlAssertion& assertion,
                                          const SamlSettings& settings, WallTime now) {
  VerifiedToken token;
  token.issuer = assertion.issuer;
  if (settings.subject_attribute.empty()) {
    if (assertion.subject_format != kSamlPersistent)
      return Unexpected{SamlFault::SubjectNotLasting};
    token.subject = assertion.subject;
  } else {
    const std::string* subject = only_value(find(assertion, settings.subject_attribute));
    if (subject == nullptr) return Unexpected{SamlFault::NoSubject};
    token.subject = *subject;
  }
  if (token.subject.empty()) return Unexpected{SamlFault::NoSubject};
  if (const SamlAttribute* groups = find(assertion, settings.groups_attribute)) {
    if (groups->values.size() > limits::kTokenGroups) return Unexpected{SamlFault::TooManyGroups};
    token.groups = groups->values;
  }
  if (const std::string* name = only_value(find(assertion, settings.name_attribute)))
    token.name = *name;

  WallTime ends{now.since_epoch + settings.session};
  if (assertion.session_ends_at) ends = std::min(ends, *assertion.session_ends_at);
  if (ends <= now) return Unexpected{SamlFault::SessionOver};
  token.expires_at = ends;
  token.id = assertion.id;
  token.session = assertion.session_index;
  token.issued_at = assertion.issued_at;
  token.signed_in_at = assertion.signed_in_at;
  token.acr = assertion.authn_context;
  token.claims = claims_of(assertion);
  return token;
}

Person person_of(const VerifiedToken& token) {
  Person person;
  person.issuer = token.issuer;
  person.subject = token.subject;
  person.name = token.name.empty() ? token.subject : token.name;
  person.groups = token.groups;
  std::sort(person.groups.begin(), person.groups.end());
  person.groups.erase(std::unique(person.groups.begin(), person.groups.end()), person.groups.end());
  person.person_class = PersonClass::Human;
  person.method = "saml";
  return person;
}

}  // namespace veilwire::identity
