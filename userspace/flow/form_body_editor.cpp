#include "userspace/flow/form_body_editor.h"

#include "userspace/audit/redact.h"
#include "userspace/flow/head_value.h"

#include <algorithm>
#include <utility>

namespace veilwire::flow {
namespace {

// No name of a parameter is longer.
constexpr std::size_t kLongestName = 256;

// What names of parameters are made of: clients encode all else, but for the brackets.
bool is_name(char c) {
  constexpr std::string_view kOthers = "*-._~+%[]";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != std::string_view::npos;
}

}  // namespace

bool is_form_type(std::string_view media_type) {
  return media_type == "application/x-www-form-urlencoded";
}

void FormBodyEditor::on_feed(std::string_view bytes, Edited& out) {
  if (!form_ && !text_) {
    const std::size_t end = std::min(bytes.find('='), bytes.size());
    const std::size_t room = kLongestName - std::min(kLongestName, parameter_.size());
    if (end > room || !std::ranges::all_of(bytes.substr(0, end), is_name) ||
        (end < bytes.size() && end + parameter_.size() == 0)) {
      text_.emplace(TextFilter::Form::Plain, engine());
      const std::string begun = std::exchange(parameter_, {});
      text_->feed(begun, out);
      if (out.blocked) return;
    }
    form_ = !text_ && end < bytes.size();
  }
  if (text_) return text_->feed(bytes, out);
  while (form_ && !out.blocked) {
    const std::size_t end = bytes.find('&');
    parameter_ += bytes.substr(0, end);
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    end_parameter(out);
    if (!out.blocked) out.append("&");
  }
  if (!form_) parameter_ += bytes;
}

void FormBodyEditor::end_parameter(Edited& out) {
  Edited edited;
  const std::size_t name = std::min(parameter_.find('='), parameter_.size());
  if (name + 1 < parameter_.size() && audit::is_credential_parameter(parameter_.substr(0, name)))
    edited.credentials.push_back({name + 1, parameter_.size() - name - 1});
  mask_parameter(std::exchange(parameter_, {}), engine(), edited.bytes, &edited.masks);
  const auto blocked = std::ranges::find(edited.masks, "block", &audit::MaskedSpan::action);
  if (blocked != edited.masks.end()) {
    out.blocked = std::move(*blocked);
    out.blocked->offset = out.bytes.size();
    return;
  }
  out.append(std::move(edited));
}

void FormBodyEditor::on_finish(Edited& out) {
  if (form_) return end_parameter(out);
  // A word alone is a parameter without a value, or a text.
  if (!text_) text_.emplace(TextFilter::Form::Plain, engine());
  const std::string begun = std::exchange(parameter_, {});
  text_->feed(begun, out);
  if (!out.blocked) text_->finish(out);
}

void FormBodyEditor::on_adopt(Edited& out) {
  if (text_) text_->adopt(engine(), out);
}

std::string FormBodyEditor::close(std::string_view notice) {
  if (form_) return "notice=" + percent_encoded(notice);
  return (released() == 0 ? "" : "\n\n") + std::string(notice) + "\n";
}

}  // namespace veilwire::flow
