// Numbers of OCSF 1.8.0 that are used here, in one table: github.com/ocsf/ocsf-schema,
// release 1.8.0 (events/, profiles/, dictionary.json). tests/data/ocsf-1.8.0 holds what the test
// validates by.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace veilwire::projection::ocsf {

inline constexpr std::string_view kVersion = "1.8.0";

struct Class {
  std::int64_t category_uid, uid;
};
inline constexpr Class kBaseEvent{0, 0};
inline constexpr Class kDataSecurityFinding{2, 2006};
inline constexpr Class kAuthentication{3, 3002};
inline constexpr Class kAuthorizeSession{3, 3003};
inline constexpr Class kApiActivity{6, 6003};

inline constexpr std::int64_t kOther = 99;  // of every enumeration

// activity_id of API Activity by what HTTP says of the method.
inline constexpr std::array<std::pair<std::string_view, std::int64_t>, 6> kApiActivities = {{
    {"POST", 1},  // Create
    {"GET", 2},   // Read
    {"HEAD", 2},
    {"PUT", 3},  // Update
    {"PATCH", 3},
    {"DELETE", 4},  // Delete
}};
// The methods that http_request.http_method can be.
inline constexpr std::array<std::string_view, 9> kHttpMethods = {
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"};

inline constexpr std::int64_t kFindingCreate = 1;
inline constexpr std::int64_t kLogoff = 2;
inline constexpr std::int64_t kAssignGroups = 2;

inline constexpr std::int64_t kInformational = 1, kLow = 2, kMedium = 3, kHigh = 4;  // severity_id
inline constexpr std::int64_t kUnknownStatus = 0, kSuccess = 1, kFailure = 2;        // status_id
inline constexpr std::int64_t kNew = 1;  // status_id of a finding

struct Verdict {
  std::int64_t action_id, disposition_id;
};
inline constexpr Verdict kAllowed{1, 1};
inline constexpr Verdict kDenied{2, 2};     // Blocked
inline constexpr Verdict kModified{4, 11};  // Corrected
inline constexpr Verdict kObserved{3, 17};  // Logged

inline constexpr std::int64_t kPersonal = 1, kFinancial = 3, kSecurity = 6;  // category_id of data
inline constexpr std::int64_t kDlpGateway = 2;                               // detection_system_id
inline constexpr std::int64_t kRuleAnalytic = 1;          // type_id of an analytic
inline constexpr std::int64_t kUser = 1, kService = 4;    // type_id of a user
inline constexpr std::int64_t kUnknownDevice = 0;         // type_id of a device
inline constexpr std::int64_t kAssistant = 2, kTool = 3;  // ai_role_id

// auth_protocol_id by how a person was established.
inline constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> kProtocols = {{
    {"pkce", 4},  // OpenID
    {"device", 4},
    {"ci", 4},
    {"machine", 6},  // OAUTH 2.0
    {"saml", 5},
}};

}  // namespace veilwire::projection::ocsf
