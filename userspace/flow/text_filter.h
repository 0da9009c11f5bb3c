// One logical text on its way through its masker: encoded bytes in, the encoded bytes that may be
// released out. It gives findings as the records that the audit wants. Tested through the editors.
#pragma once

#include "userspace/flow/edited.h"
#include "userspace/masking/engine.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace veilwire::flow {

class TextFilter {
 public:
  enum class Form : std::uint8_t {
    Plain,
    JsonString,        // content of a JSON string
    JsonInJsonString,  // content of JSON strings that together are a JSON document
  };
  // context: text that stands before and is not part of the output, such as the key of a value.
  TextFilter(Form form, std::shared_ptr<const masking::Engine> engine,
             std::string_view context = {});
  // Base64InJsonString. room: bytes that may still be unpacked in its document.
  TextFilter(std::shared_ptr<const masking::Engine> engine, std::shared_ptr<std::size_t> room);
  TextFilter(TextFilter&&) noexcept;
  TextFilter& operator=(TextFilter&&) noexcept;
  ~TextFilter();

  // Each appends to out; out.blocked is the end.
  void feed(std::string_view raw, Edited& out);
  void finish(Edited& out);
  // After finish(): a text of its own begins. For Plain and JsonString alone.
  void restart(std::string_view context);
  void adopt(std::shared_ptr<const masking::Engine> engine, Edited& out);

  // The text ends here, with nothing of what is held: what must follow what was released, so that
  // it is what its form says. Nothing may be fed afterwards.
  std::string close();
  // Whether text may stand behind what was released, in place of close(), in this form.
  bool takes_notice() const;
  // Something was fed that did not go out yet; not of base64.
  bool holding() const;
  // As BodyEditor::held().
  std::size_t held() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace veilwire::flow
