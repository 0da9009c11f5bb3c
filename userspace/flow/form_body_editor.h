// Forms (application/x-www-form-urlencoded): each parameter is a text, masked in its
// percent-encoding. Credentials of a client for the server or from it, known by the names of their
// parameters, stay: a login with them would fail. What is not written like a form, as where curl
// sends JSON without naming it, is text as it stands.
//
// A parameter is held until it ends. Tested by tests/unit/flow/form_body_editor_test.cpp.
#pragma once

#include "userspace/flow/editor_base.h"
#include "userspace/flow/text_filter.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::flow {

bool is_form_type(std::string_view media_type);

class FormBodyEditor final : public EditorBase {
 public:
  using EditorBase::EditorBase;

 private:
  void on_feed(std::string_view bytes, Edited& out) override;
  void on_finish(Edited& out) override;
  void on_adopt(Edited& out) override;
  std::size_t on_held() const override { return parameter_.size(); }
  bool on_settled() const override { return parameter_.empty() && (!text_ || !text_->holding()); }
  std::string close(std::string_view notice) override;

  void look(std::string_view bytes);
  void end_parameter(Edited& out);

  bool form_ = false;               // it is known to be one
  std::optional<TextFilter> text_;  // it is none
  std::string parameter_;           // that is open, or the beginning
};

}  // namespace veilwire::flow
