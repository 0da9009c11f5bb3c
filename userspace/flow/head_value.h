// Text as heads spell it: values of fields, of which MCP writes those that are not plain ASCII in
// base64, and targets and forms, which are percent-encoded. It is masked in its own spelling, and
// every byte outside a finding stays. Tested by tests/unit/flow/request_head_edit_test.cpp.
#pragma once

#include "userspace/audit/record.h"
#include "userspace/masking/engine.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::flow {

using Masks = std::vector<audit::MaskedSpan>;

// What stands in "=?base64?...?=" (MCP 2026-07-28); nullopt: it is not written so.
std::optional<std::string> decoded_value(std::string_view value);
// text as a value like `like`: in base64 where that is, or where the text would not survive.
std::string encoded_value(std::string_view text, std::string_view like);

// masks: appended to where it is not nullptr; one with action "block" says that the text must not
// go out. Of percent-encoded text they say where they stand in out.
std::string masked_value(std::string_view value, const masking::Engine& engine, Masks* masks);

// Path: everything before the first '?'. A capability URL is a credential of the client at its own
// server, and another path is another resource: callers say whether it is looked at.
enum class PathOf { Message, OwnServer };
// Values of parameters that are named like a credential are the server's own and stay.
std::string masked_target(std::string_view target, PathOf path,
                          const std::shared_ptr<const masking::Engine>& engine, Masks* masks);

// "name=value" of a query or form; appends to out. One that is named like a credential stays.
void mask_parameter(std::string_view parameter,
                    const std::shared_ptr<const masking::Engine>& engine, std::string& out,
                    Masks* masks);
std::string percent_encoded(std::string_view text);

}  // namespace veilwire::flow
