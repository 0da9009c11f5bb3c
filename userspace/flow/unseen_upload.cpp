#include "userspace/flow/unseen_upload.h"

#include "userspace/wire/http1.h"

namespace veilwire::flow {

Original::Put UnseenUpload::put_original() {
  return [this](audit::Body chunk) { sink_.record(exchange_.number, std::move(chunk)); };
}

void UnseenUpload::data(std::string_view bytes) {
  exchange_.request_bytes += bytes.size();
  if (original_) {
    original_->write(bytes, put_original());
    original_->flush(put_original());
  }
  if (!chunked()) return sink_.to_upstream(bytes);
  std::string chunk;
  wire::encode_chunk(bytes, chunk);
  sink_.to_upstream(chunk);
}

void UnseenUpload::trailers(wire::FieldSection section) {
  if (exchange_.credential) drop_own(exchange_.credential->host, section);
  trailers_ = std::move(section.raw);
}

void UnseenUpload::close() {
  if (original_) original_->finish(put_original());
}

void UnseenUpload::end() {
  close();
  if (!chunked()) return;
  std::string last;
  wire::encode_last_chunk(trailers_, last);
  sink_.to_upstream(last);
}

}  // namespace veilwire::flow
