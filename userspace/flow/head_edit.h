// What a head needs before it may go on: the fields of one hop removed where there are any that
// matter, and secrets in response field values masked. A head that needs neither keeps every byte.
// Tested by tests/unit/flow/head_edit_test.cpp.
#pragma once

#include "userspace/audit/record.h"
#include "userspace/flow/ruleset.h"
#include "userspace/masking/engine.h"
#include "userspace/wire/http.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace veilwire::flow {

// "application/json" of "Application/JSON; charset=utf-8".
std::string media_type(const wire::FieldSection& head);

// One upstream connection serves one client connection, so "Connection: keep-alive" and "close"
// mean the same on both and stay; anything else that concerns one hop is removed (RFC 9110, 7.6.1).
void remove_hop_fields(wire::FieldSection& head, wire::UpgradeFields upgrade);

// Asks for the whole where the client wants a part: a secret that is cut by the edge of a range
// would be in neither of two answers. A server may ignore Range, and answers with all of it (RFC
// 9110, 14.2); every client of ranges must know that.
void ask_for_the_whole(wire::FieldSection& request);
// A part all the same, though nobody has asked for one (RFC 9110, 15.3.7): it cannot be inspected
// for what is cut at its edges.
bool is_part(const wire::ResponseHead& head);

// Masks findings in field values, except where a value is a credential or an identifier of the
// protocol itself (cookies, session and request ids, validators): changing those would break the
// exchange and they are not shown to anybody. Returns the masks; one with action "block" says that
// the response must not go out.
std::vector<audit::MaskedSpan> mask_fields(wire::FieldSection& head, const masking::Engine& engine);

// The same for the head of a response, with the reason phrase of its status line: some clients show
// it.
std::vector<audit::MaskedSpan> mask_head(wire::ResponseHead& head, const masking::Engine& engine);

// Fields for a record: credentials as keyed digests, everything else with every rule masked.
audit::Fields fields_for_record(const wire::FieldSection& head, const Ruleset& ruleset);

audit::MaskedSpan to_span(const masking::Finding& finding, std::uint64_t offset);

}  // namespace veilwire::flow
