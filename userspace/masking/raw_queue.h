// Raw bytes that wait for the decision about what they decode to. Tested by
// tests/unit/masking/parts_test.cpp.
#pragma once

#include "userspace/wire/json_scanner.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::masking {

class RawQueue {
 public:
  // One for one.
  void push_plain(std::string_view raw);
  // Decodes the content of a JSON string and appends what it means to `decoded`. Content that is
  // none is taken as it is.
  void push_json(std::string_view raw, std::string& decoded);

  // How many raw bytes the next `decoded` bytes came as. An escape of which a part is asked for is
  // given whole; the rest of it then comes as nothing.
  std::size_t pop(std::uint64_t decoded);

  std::string_view raw() const { return std::string_view(raw_).substr(raw_at_); }
  // Takes bytes from the front of raw(), as many as pop() has answered.
  void drop(std::size_t bytes);
  bool empty() const { return raw_at_ == raw_.size(); }
  void clear();

 private:
  void add_run(wire::JsonStringDecoder::Run run);

  std::string raw_;
  std::size_t raw_at_ = 0;
  std::vector<wire::JsonStringDecoder::Run> runs_;  // from run_at_ on; raw == decoded: plain bytes
  std::size_t run_at_ = 0;
  std::uint64_t owed_ = 0;  // decoded bytes of an escape that went out whole
  wire::JsonStringDecoder decoder_;
};

}  // namespace veilwire::masking
