#include "userspace/message/inspect.h"

#include "userspace/message/pick.h"

#include <array>

namespace veilwire::message {
namespace {

// Vertex: /v1/projects/P/locations/L/publishers/anthropic/models/MODEL:streamRawPredict
// Bedrock: /model/MODEL/invoke-with-response-stream
void inspect_target(std::string_view target, RequestFacts& facts) {
  const std::string_view path = target.substr(0, target.find('?'));
  for (const std::string_view marker : {"/models/", "/model/"}) {
    const std::size_t at = path.find(marker);
    if (at == std::string_view::npos) continue;
    const std::string_view rest = path.substr(at + marker.size());
    const std::size_t end = rest.find_first_of(marker == "/models/" ? ":/" : "/");
    if (end == std::string_view::npos)
      continue;  // the Models API, which describes a model and asks nothing of it
    if (facts.model.empty() && end <= kLongestPick) facts.model = rest.substr(0, end);
    const std::string_view verb = rest.substr(end + 1);
    if (verb.starts_with("stream") || verb == "invoke-with-response-stream") facts.streaming = true;
    return;
  }
}

void inspect_anthropic(std::string_view target, std::string_view body, RequestFacts& facts) {
  std::array picks{Pick{"model"}, Pick{"stream"}};
  facts.is_json = pick(body, picks);
  facts.model = picks[0].text();
  facts.streaming = picks[1].is_true();
  inspect_target(target, facts);
}

void inspect_mcp(std::string_view method, std::string_view body, RequestFacts& facts) {
  facts.streaming = method == "GET";
  std::array picks{Pick{"method"},
                   Pick{"id"},
                   Pick{"params", "name"},
                   Pick{"params", "_meta", "progressToken"},
                   Pick{"[]", "method"},
                   Pick{"[]", "id"},
                   Pick{"[]", "params", "name"}};
  facts.is_json = pick(body, picks);
  const std::size_t batch = picks[0].json.empty() ? 4 : 0;
  facts.mcp_method = picks[batch].text();
  facts.id = picks[batch + 1].json;
  // An answer of the client to a request of the server has an id too, but asks for nothing.
  if (facts.id == "null" || facts.mcp_method.empty()) facts.id.clear();
  if (facts.mcp_method == "tools/call") facts.tool = picks[batch + 2].text();
  if (batch == 0) facts.progress_token = picks[3].json;
}

}  // namespace

RequestFacts inspect_request(Dialect dialect, std::string_view method, std::string_view target,
                             std::string_view body) {
  RequestFacts facts;
  switch (dialect) {
    case Dialect::Anthropic:
      inspect_anthropic(target, body, facts);
      break;
    case Dialect::Mcp:
      inspect_mcp(method, body, facts);
      break;
    case Dialect::Generic:
      facts.is_json = pick(body, {});
      break;
  }
  return facts;
}

}  // namespace veilwire::message
