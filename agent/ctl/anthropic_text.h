// What a person saw of a streamed answer of the Messages API: the deltas of its events, one after
// the other. For showing only: it judges nothing and passes over what it does not know. Tested by
// tests/unit/ctl/anthropic_text_test.cpp over every split.
#pragma once

#include <string>
#include <string_view>

namespace veilwire::ctl {

class AnthropicText {
 public:
  // Bytes of the event stream in, text of the whole lines among them out. Not yet made visible: it
  // holds whatever the model wrote.
  std::string feed(std::string_view bytes);
  std::string finish();

 private:
  void line(std::string_view text, std::string& out);
  void event(std::string_view data, std::string& out);

  std::string line_;
  std::string data_;
  bool wrote_ = false;
};

}  // namespace veilwire::ctl
