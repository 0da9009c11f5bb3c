#include "userspace/flow/unseen_upload.h"

#include "userspace/wire/http1.h"

namespace veilwire::flow {

void UnseenUpload::data(std::string_view bytes) {
  exchange_.request_bytes += bytes.size();
  if (!chunked()) return sink_.to_upstream(bytes);
  std::string chunk;
  wire::encode_chunk(bytes, chunk);
  sink_.to_upstream(chunk);
}

void UnseenUpload::trailers(wire::FieldSection section) {
  if (exchange_.credential) drop_own(exchange_.credential->host, section);
  trailers_ = std::move(section.raw);
}

void UnseenUpload::end() {
  if (!chunked()) return;
  std::string last;
  wire::encode_last_chunk(trailers_, last);
  sink_.to_upstream(last);
}

}  // namespace veilwire::flow
