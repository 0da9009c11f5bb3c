#include "userspace/masking/raw_queue.h"

#include <algorithm>

namespace veilwire::masking {

using Run = wire::JsonStringDecoder::Run;

void RawQueue::add_run(Run run) {
  if (run_at_ < runs_.size() && run.raw == run.decoded &&
      runs_.back().raw == runs_.back().decoded && runs_.back().raw < (1U << 30)) {
    runs_.back().raw += run.raw;
    runs_.back().decoded += run.decoded;
  } else {
    runs_.push_back(run);
  }
}

void RawQueue::push_plain(std::string_view raw) {
  raw_ += raw;
  if (!raw.empty())
    add_run({static_cast<std::uint32_t>(raw.size()), static_cast<std::uint32_t>(raw.size())});
}

void RawQueue::push_json(std::string_view raw, std::string& decoded) {
  raw_ += raw;
  std::size_t waiting = decoder_.pending() + raw.size();
  const std::size_t before = runs_.size();
  const bool fits = decoder_.feed(raw, decoded, runs_).has_value();
  for (std::size_t i = before; i < runs_.size(); ++i) waiting -= runs_[i].raw;
  if (fits) return;
  decoder_.reset();
  decoded += std::string_view(raw_).substr(raw_.size() - waiting);
  add_run({static_cast<std::uint32_t>(waiting), static_cast<std::uint32_t>(waiting)});
}

std::size_t RawQueue::pop(std::uint64_t decoded) {
  const std::uint64_t paid = std::min(owed_, decoded);
  owed_ -= paid;
  decoded -= paid;
  std::size_t raw = 0;
  while (decoded > 0 && run_at_ < runs_.size()) {
    Run& run = runs_[run_at_];
    if (run.raw == run.decoded && decoded < run.decoded) {
      const auto part = static_cast<std::uint32_t>(decoded);
      run.raw -= part;
      run.decoded -= part;
      return raw + part;
    }
    raw += run.raw;
    if (decoded < run.decoded) owed_ = run.decoded - decoded;
    decoded -= std::min<std::uint64_t>(decoded, run.decoded);
    ++run_at_;
  }
  if (run_at_ == runs_.size()) runs_.clear(), run_at_ = 0;
  return raw;
}

void RawQueue::drop(std::size_t bytes) {
  raw_at_ += bytes;
  if (raw_at_ == raw_.size()) {
    raw_.clear();
    raw_at_ = 0;
  }
}

void RawQueue::clear() {
  raw_.clear();
  runs_.clear();
  raw_at_ = run_at_ = 0;
  owed_ = 0;
  decoder_.reset();
}

}  // namespace veilwire::masking
