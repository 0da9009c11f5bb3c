#include "agent/forwarder/otlp_sink_settings.h"

namespace veilwire::forwarder {

OtlpSettings read_otlp_settings(const host::ConfigSection& section) {
  OtlpSettings settings;
  std::string endpoint = section.required_text("endpoint");
  if (endpoint.ends_with('/')) endpoint.pop_back();
  const auto url = identity::parse_url(endpoint + "/v1/logs", identity::PlainHttp::Loopback);
  if (!url || url->target.find('?') != std::string::npos)
    section.refuse("endpoint",
                   "must be a URL such as \"https://collector.example:4318\"; plain http is for "
                   "a loopback address");
  settings.url = *url;
  settings.tls = read_tls_settings(section);
  settings.headers_file = section.text("headers_file", "");
  if (!settings.headers_file.empty() && !settings.headers_file.starts_with('/'))
    section.refuse("headers_file", "must be an absolute path");
  const std::string compression = section.text("compression", "gzip");
  if (compression != "gzip" && compression != "none")
    section.refuse("compression", R"(must be "gzip" or "none")");
  settings.gzip = compression == "gzip";
  settings.request_bytes = static_cast<std::size_t>(section.integer(
      "request_bytes", static_cast<std::int64_t>(projection::kOtlpRequest), 64 * 1024, 64 << 20));
  settings.timeout = std::chrono::seconds(section.integer("timeout_seconds", 30, 1, 300));
  return settings;
}

}  // namespace veilwire::forwarder
