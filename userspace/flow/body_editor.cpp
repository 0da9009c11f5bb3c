// Which editor a body gets, by what its host speaks and by its media type.
#include "userspace/flow/body_editor.h"

#include "userspace/flow/anthropic_sse_editor.h"
#include "userspace/flow/form_body_editor.h"
#include "userspace/flow/json_body_editor.h"
#include "userspace/flow/mcp_sse_editor.h"
#include "userspace/flow/plain_text_editor.h"

#include <algorithm>
#include <utility>

namespace veilwire::flow {
namespace {

using message::Zone;
using policy::Direction;
using policy::Service;

Zone root_of(Service service, Direction direction) {
  const bool request = direction == Direction::Request;
  switch (service) {
    case Service::Anthropic:
      return request ? Zone::AnthropicRequest : Zone::AnthropicResponse;
    case Service::Mcp:
      return request ? Zone::McpFromClient : Zone::McpFromServer;
    case Service::Generic:
      break;
  }
  return Zone::Generic;
}

bool one_of(std::string_view type, std::initializer_list<std::string_view> types) {
  return std::ranges::find(types, type) != types.end();
}

}  // namespace

bool is_json_type(std::string_view type) {
  return type == "application/json" || type == "text/json" || type.ends_with("+json");
}
// Batch results are application/x-jsonl or binary/octet-stream by host; the latter shows by its
// looks what it is.
bool is_json_lines_type(std::string_view type) {
  return one_of(type, {"application/x-jsonl", "application/jsonl", "application/jsonlines",
                       "application/x-ndjson", "application/ndjson", "application/x-jsonlines"});
}
bool is_text_type(std::string_view type) {
  return type.starts_with("text/") || type.ends_with("+xml") || is_form_type(type) ||
         one_of(type,
                {"application/xml", "application/javascript", "application/ecmascript",
                 "application/x-javascript", "application/yaml", "application/x-yaml",
                 "application/toml", "application/graphql", "application/sql", "application/x-sh"});
}

std::unique_ptr<BodyEditor> make_body_editor(const EditorContext& context,
                                             std::shared_ptr<const masking::Engine> engine) {
  const Zone root = root_of(context.service, context.direction);
  const std::string_view type = context.media_type;
  if (type == "text/event-stream") {
    if (context.service == Service::Anthropic)
      return std::make_unique<AnthropicSseEditor>(std::move(engine));
    return std::make_unique<McpSseEditor>(
        McpSseEditor::Setting{.root = root,
                              .json_only = context.service == Service::Mcp,
                              .request_id = std::string(context.request_id)},
        std::move(engine));
  }
  if (is_json_type(type) || is_json_lines_type(type)) {
    return std::make_unique<JsonBodyEditor>(
        JsonBodyEditor::Setting{
            .root = root,
            .service = context.service,
            .request_id = std::string(context.request_id),
            .lines = is_json_lines_type(type),
            .conversation = root == Zone::AnthropicRequest ? context.conversation : nullptr},
        std::move(engine));
  }
  if (is_form_type(type)) return std::make_unique<FormBodyEditor>(std::move(engine));
  // A body that does not say what it is is looked at as text: naming no type must not be a way
  // around.
  if (is_text_type(type) || type.empty())
    return std::make_unique<PlainTextEditor>(std::move(engine));
  return nullptr;
}

}  // namespace veilwire::flow
