// Puts edited data back into a server-sent event: the lines around it keep their bytes but for
// findings, and data that came on several lines leaves on as many. Tested through the SSE editors.
#pragma once

#include "userspace/flow/edited.h"
#include "userspace/masking/engine.h"
#include "userspace/wire/sse.h"

#include <memory>
#include <string>
#include <string_view>

namespace veilwire::flow {

// data: event.data_text() after editing, with as many line feeds in it. The result is the event's
// raw bytes. What no client reads is masked as text, for whoever reads the bytes: comments, lines
// of no field, the name of what is no event. The id and the time to retry stay, which clients send
// back or count with.
Edited with_data(const wire::SseEvent& event, Edited&& data,
                 const std::shared_ptr<const masking::Engine>& engine);

// The line end that the event's lines have.
std::string_view line_end(const wire::SseEvent& event);

}  // namespace veilwire::flow
