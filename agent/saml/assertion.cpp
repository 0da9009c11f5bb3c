#include "agent/saml/assertion.h"

#include "userspace/base/limits.h"
#include "userspace/identity/printable.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

namespace veilwire::saml {
namespace {

using host::protocol::SamlError;
using host::protocol::SamlRefused;

constexpr std::string_view kBearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
constexpr std::string_view kEntity = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";

// The first fault ends it; what is read after that is nobody's.
class AssertionReader {
 public:
  AssertionReader(const XmlNode* assertion, const Expected& expected)
      : assertion_(assertion), expected_(expected) {}

  Result<identity::SamlAssertion, SamlRefused> read() {
    if (attribute(assertion_, "Version") != "2.0" ||
        !(has_statements("AuthnStatement", "AttributeStatement") ||
          has_statements("AttributeStatement", "AuthnStatement")))
      fail(SamlError::NotAResponse, "Assertion");
    read_issuer();
    read_subject();
    read_conditions();
    read_authentication();
    read_attributes();
    if (fault_) return Unexpected{*fault_};
    return std::move(out_);
  }

 private:
  // Statements come in any order.
  bool has_statements(std::string_view first, std::string_view second) const {
    return in_order(assertion_, {{kAssertionNamespace, "Issuer"},
                                 {kSignatureNamespace, "Signature"},
                                 {kAssertionNamespace, "Subject"},
                                 {kAssertionNamespace, "Conditions"},
                                 {kAssertionNamespace, "Advice"},
                                 {kAssertionNamespace, first, Times::Many},
                                 {kAssertionNamespace, second, Times::Many}});
  }
  void fail(SamlError error, std::string_view place = {}) {
    if (!fault_) fault_ = SamlRefused{error, std::string(place)};
  }
  const XmlNode* need(const XmlNode* parent, std::string_view name) {
    const XmlNode* found =
        parent == nullptr ? nullptr : only_child(parent, kAssertionNamespace, name);
    if (found == nullptr) fail(SamlError::NotAResponse, name);
    return found;
  }

  // Fit for records; place is what an administrator would look for.
  std::string checked(std::optional<std::string> value, std::string_view place) {
    if (!value) {
      fail(SamlError::NotAResponse, place);
    } else if (value->size() > limits::kTokenText) {
      fail(SamlError::TooLarge, place);
    } else if (!value->empty() && !identity::printable(*value)) {
      fail(SamlError::Unprintable, place);
    } else {
      return *std::move(value);
    }
    return {};
  }
  std::string checked_attribute(const XmlNode* node, const char* name) {
    return checked(attribute(node, name).value_or(""), name);
  }

  std::optional<WallTime> time_at(const XmlNode* node, const char* name) {
    const auto written = attribute(node, name);
    if (!written) return std::nullopt;
    const auto time = read_time(*written);
    if (!time) fail(SamlError::NotAResponse, name);
    return time;
  }
  WallTime needed_time(const XmlNode* node, const char* name) {
    const auto time = time_at(node, name);
    if (!time) fail(SamlError::NotAResponse, name);
    return time.value_or(WallTime{});
  }
  void not_before(const std::optional<WallTime>& at, std::string_view place) {
    if (at && at->since_epoch > expected_.now.since_epoch + limits::kClockSkew)
      fail(SamlError::NotYet, place);
  }
  void not_on_or_after(WallTime at, std::string_view place) {
    if (at.since_epoch + limits::kClockSkew <= expected_.now.since_epoch)
      fail(SamlError::Expired, place);
    out_.usable_until = std::min(out_.usable_until, at);
  }

  void read_issuer() {
    const XmlNode* issuer = need(assertion_, "Issuer");
    if (issuer == nullptr) return;
    if (text(issuer) != expected_.issuer ||
        attribute(issuer, "Format").value_or(std::string(kEntity)) != kEntity)
      fail(SamlError::WrongIssuer);
    out_.issuer = expected_.issuer;
    out_.id = checked_attribute(assertion_, "ID");
    out_.issued_at = needed_time(assertion_, "IssueInstant");
    not_before(out_.issued_at, "IssueInstant");
    out_.usable_until = {out_.issued_at.since_epoch + limits::kSamlLifeMost};
    not_on_or_after(out_.usable_until, "IssueInstant");
  }

  void read_subject() {
    const XmlNode* subject = need(assertion_, "Subject");
    const XmlNode* name = need(subject, "NameID");
    const XmlNode* confirmation = need(subject, "SubjectConfirmation");
    const XmlNode* data = need(confirmation, "SubjectConfirmationData");
    if (fault_) return;
    out_.subject = checked(text(name), "NameID");
    if (out_.subject.empty()) fail(SamlError::NotAResponse, "NameID");
    out_.subject_format = checked_attribute(name, "Format");
    if (out_.subject_format.empty()) out_.subject_format = identity::kSamlUnspecified;
    // A name is somebody's within its qualifiers (core, 2.2.2): of others it may be somebody
    // else's.
    if (attribute(name, "NameQualifier").value_or(expected_.issuer) != expected_.issuer)
      fail(SamlError::WrongIssuer, "NameQualifier");
    if (attribute(name, "SPNameQualifier").value_or(expected_.audience) != expected_.audience)
      fail(SamlError::WrongAudience, "SPNameQualifier");
    if (attribute(confirmation, "Method") != kBearer)
      fail(SamlError::NotAResponse, "SubjectConfirmation");
    if (attribute(data, "InResponseTo") != expected_.in_response_to)
      fail(SamlError::WrongRequest, "InResponseTo");
    if (attribute(data, "Recipient") != expected_.recipient)
      fail(SamlError::WrongRecipient, "Recipient");
    not_before(time_at(data, "NotBefore"), "NotBefore");
    not_on_or_after(needed_time(data, "NotOnOrAfter"), "NotOnOrAfter");
  }

  void read_conditions() {
    const XmlNode* conditions = need(assertion_, "Conditions");
    if (conditions == nullptr) return;
    not_before(time_at(conditions, "NotBefore"), "NotBefore");
    if (const auto until = time_at(conditions, "NotOnOrAfter"))
      not_on_or_after(*until, "NotOnOrAfter");
    bool restricted = false;
    for (const XmlNode* condition : children(conditions)) {
      // Each assertion counts once here, and is given to nobody.
      if (is(condition, kAssertionNamespace, "OneTimeUse") ||
          is(condition, kAssertionNamespace, "ProxyRestriction"))
        continue;
      if (!is(condition, kAssertionNamespace, "AudienceRestriction"))
        return fail(SamlError::NotAResponse, "Conditions");
      restricted = true;
      const std::vector<XmlNode*> audiences = children(condition, kAssertionNamespace, "Audience");
      if (std::none_of(audiences.begin(), audiences.end(), [this](const XmlNode* audience) {
            return text(audience) == expected_.audience;
          }))
        fail(SamlError::WrongAudience);
    }
    if (!restricted) fail(SamlError::WrongAudience);
  }

  void read_authentication() {
    const XmlNode* statement = need(assertion_, "AuthnStatement");
    const XmlNode* context = need(statement, "AuthnContext");
    if (fault_) return;
    out_.signed_in_at = needed_time(statement, "AuthnInstant");
    not_before(out_.signed_in_at, "AuthnInstant");
    out_.session_index = checked_attribute(statement, "SessionIndex");
    out_.session_ends_at = time_at(statement, "SessionNotOnOrAfter");
    if (const XmlNode* reference = only_child(context, kAssertionNamespace, "AuthnContextClassRef"))
      out_.authn_context = checked(text(reference), "AuthnContextClassRef");
  }

  void read_attributes() {
    std::size_t values = 0;
    for (const XmlNode* statement :
         children(assertion_, kAssertionNamespace, "AttributeStatement")) {
      for (const XmlNode* one : children(statement, kAssertionNamespace, "Attribute")) {
        const std::string name = checked_attribute(one, "Name");
        if (name.empty()) fail(SamlError::NotAResponse, "Attribute");
        if (fault_) return;
        identity::SamlAttribute& attribute = attribute_named(name);
        for (const XmlNode* value : children(one, kAssertionNamespace, "AttributeValue")) {
          auto written = text(value);
          if (!written) continue;  // XML in XML: no rule could be about it
          std::string plain = checked(std::move(written), shown_name(name));
          if (++values > limits::kSamlValues) fail(SamlError::TooLarge, "AttributeValue");
          if (fault_) return;
          if (!plain.empty()) attribute.values.push_back(std::move(plain));
        }
      }
    }
    if (out_.attributes.size() > limits::kSamlAttributes) fail(SamlError::TooLarge, "Attribute");
  }
  static std::string_view shown_name(const std::string& name) {
    return std::string_view(name).substr(0, name.size() > limits::kIdpText ? 0 : name.npos);
  }
  identity::SamlAttribute& attribute_named(const std::string& name) {
    const auto found = std::find_if(out_.attributes.begin(), out_.attributes.end(),
                                    [&name](const auto& a) { return a.name == name; });
    if (found != out_.attributes.end()) return *found;
    return out_.attributes.emplace_back(identity::SamlAttribute{name, {}});
  }

  const XmlNode* assertion_;
  const Expected& expected_;
  identity::SamlAssertion out_;
  std::optional<SamlRefused> fault_;
};

// Exactly these digits.
std::optional<int> number(std::string_view digits) {
  int value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

bool in_order(const XmlNode* node, std::initializer_list<Step> steps) {
  const Step* step = steps.begin();
  for (const XmlNode* child : children(node)) {
    while (step != steps.end() && !is(child, step->name_space, step->name)) ++step;
    if (step == steps.end()) return false;
    if (step->times == Times::Once) ++step;
  }
  return true;
}

std::optional<WallTime> read_time(std::string_view text) {
  constexpr std::string_view kShape = "0000-00-00T00:00:00";
  constexpr std::size_t kFraction = 10;  // with its point
  if (text.size() < kShape.size() + 1 || text.size() > kShape.size() + kFraction + 1 ||
      text.back() != 'Z')
    return std::nullopt;
  text.remove_suffix(1);
  for (std::size_t i = 0; i < kShape.size(); ++i)
    if (kShape[i] != '0' && text[i] != kShape[i]) return std::nullopt;
  if (text.size() > kShape.size() &&
      (text[kShape.size()] != '.' || text.size() == kShape.size() + 1 ||
       !number(text.substr(kShape.size() + 1))))
    return std::nullopt;
  const auto year = number(text.substr(0, 4)), month = number(text.substr(5, 2)),
             day = number(text.substr(8, 2)), hour = number(text.substr(11, 2)),
             minute = number(text.substr(14, 2)), second = number(text.substr(17, 2));
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (*year < 1970 || *year > 2200 || !date.ok() || *hour > 23 || *minute > 59 || *second > 59)
    return std::nullopt;
  return WallTime{std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(*hour) +
                  std::chrono::minutes(*minute) + std::chrono::seconds(*second)};
}

Result<identity::SamlAssertion, SamlRefused> read_assertion(const XmlNode* assertion,
                                                            const Expected& expected) {
  return AssertionReader(assertion, expected).read();
}

}  // namespace veilwire::saml
