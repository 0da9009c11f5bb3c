// The texts of requests as they stand in the ledger: zstd (RFC 8878), because people's words and
// their code take a third of their bytes that way, and a client sends them again with every turn.
// What is hashed is never the packed form. Tested by tests/unit/recorder/packed_text_test.cpp.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct ZSTD_CCtx_s;

namespace veilwire::recorder {

class TextPacker {
 public:
  TextPacker();
  // nullopt: it would not be shorter.
  std::optional<std::string> pack(std::string_view text);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
};

// nullopt: no packed text, or one of more than audit::kRecordBytes.
std::optional<std::string> unpack_text(std::string_view packed);

}  // namespace veilwire::recorder
