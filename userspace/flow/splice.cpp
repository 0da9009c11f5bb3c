#include "userspace/flow/splice.h"

#include "userspace/base/limits.h"

#include <utility>

namespace veilwire::flow {

void Splice::start(const std::string& name, const Destination& destination, Outputs& out) const {
  out.emplace_back(Dial{name, destination, true});
}

void Splice::connected(Outputs& out) {
  connected_ = true;
  const bool paused = early_.size() > limits::kPeerBacklog;
  out.emplace_back(ToUpstream{std::exchange(early_, {})});
  if (client_ended_) out.emplace_back(CloseUpstream{CloseUpstream::How::HalfClose});
  if (paused) out.emplace_back(ReadClient{true});
}

void Splice::from_client(std::string_view bytes, Outputs& out) {
  if (connected_) {
    out.emplace_back(ToUpstream{std::string(bytes)});
    return;
  }
  early_ += bytes;
  if (early_.size() > limits::kPeerBacklog) out.emplace_back(ReadClient{false});
}

void Splice::from_upstream(std::string_view bytes, Outputs& out) const {
  out.emplace_back(ToClient{std::string(bytes)});
}

std::optional<std::string_view> Splice::client_ended(bool reset, Outputs& out) {
  client_ended_ = true;
  if (reset) {
    out.emplace_back(CloseUpstream{CloseUpstream::How::Reset});
    return "client reset";
  }
  // Before there is an upstream the end waits, behind what it ends.
  if (connected_) out.emplace_back(CloseUpstream{CloseUpstream::How::HalfClose});
  return upstream_ended_ ? std::optional<std::string_view>("closed") : std::nullopt;
}

std::optional<std::string_view> Splice::upstream_ended(bool reset, Outputs& out) {
  upstream_ended_ = true;
  out.emplace_back(CloseClient{reset});
  if (reset) return "upstream reset";
  return client_ended_ ? std::optional<std::string_view>("closed") : std::nullopt;
}

}  // namespace veilwire::flow
