#include "userspace/flow/splice.h"

#include <utility>

namespace veilwire::flow {

void Splice::start(const Destination& destination, Outputs& out) const {
  out.emplace_back(Dial{"", destination});
}

void Splice::connected(Outputs& out) { out.emplace_back(ToUpstream{std::exchange(first_, {})}); }

void Splice::from_client(std::string_view bytes, Outputs& out) const {
  out.emplace_back(ToUpstream{std::string(bytes)});
}

void Splice::from_upstream(std::string_view bytes, Outputs& out) const {
  out.emplace_back(ToClient{std::string(bytes)});
}

std::optional<std::string_view> Splice::client_ended(bool reset, Outputs& out) {
  client_ended_ = true;
  out.emplace_back(
      CloseUpstream{reset ? CloseUpstream::How::Reset : CloseUpstream::How::HalfClose});
  if (reset) return "client reset";
  return upstream_ended_ ? std::optional<std::string_view>("closed") : std::nullopt;
}

std::optional<std::string_view> Splice::upstream_ended(bool reset, Outputs& out) {
  upstream_ended_ = true;
  out.emplace_back(CloseClient{reset});
  if (reset) return "upstream reset";
  return client_ended_ ? std::optional<std::string_view>("closed") : std::nullopt;
}

}  // namespace veilwire::flow
