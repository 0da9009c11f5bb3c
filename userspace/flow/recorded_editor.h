// Edits a body twice where policy lets findings pass: once for its reader, and once for the record,
// which masks them all the same. What the record holds back until it is clear what it is, the
// reader may have before. Tested by tests/unit/flow/recorded_editor_test.cpp and
// http_relay_test.cpp.
#pragma once

#include "userspace/flow/body_editor.h"

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace veilwire::flow {

class RecordedEditor final : public BodyEditor {
 public:
  // Both of the same kind of body. apart: they have different engines.
  RecordedEditor(std::unique_ptr<BodyEditor> reader, std::unique_ptr<BodyEditor> record, bool apart)
      : reader_(std::move(reader)), record_(std::move(record)), apart_(apart) {}

  void feed(std::string_view bytes, Released& out) override;
  void finish(Released& out) override;
  void adopt(std::shared_ptr<const masking::Engine> engine, Released& out) override;
  void adopt(std::shared_ptr<const masking::Engine> reader,
             std::shared_ptr<const masking::Engine> record, Released& out);
  void pass_through(Released& out) override;
  std::size_t held() const override { return reader_->held() + record_->held(); }
  bool settled() const override { return reader_->settled() && record_->settled(); }
  void end_early(std::string_view notice, Released& out) override;
  bool end_with_error(std::string_view kind, std::string_view message, Released& out) override;

  // The reader has left: what the record held back of what they got, and perhaps a little more.
  void let_go(Released& out);
  // From here on nothing is edited but for the record. Only where it is settled.
  std::unique_ptr<BodyEditor> take_record() { return std::move(record_); }

 private:
  void note(Released&& said, Released& out);
  void note_end(std::string_view end, Released& out);

  std::unique_ptr<BodyEditor> reader_, record_;
  bool apart_;  // or were: else what one holds the other does
};

}  // namespace veilwire::flow
