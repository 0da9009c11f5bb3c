// Makes ledgers for the other verifier: make_ledger FOLDER [ROUNDS], about nine records a round.
// Every kind of record, texts that are stored once, a record that is none, a hole, a restart, a
// change of the key, many checkpoints; and without ROUNDS FOLDER/swept.db, the same without its
// first records, which were deleted as retention.h says.
#include "agent/recorder/checkpoint_keys.h"
#include "tests/unit/recorder/ledger_fixture.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>

namespace {

using namespace veilwire;
using recorder::Arrival;

void make(const std::string& folder, int rounds) {
  recorder::LedgerOptions options = recorder::options_for(folder + "/ledger.db");
  options.checkpoint_key = folder + "/checkpoint.key";
  const recorder::WriterId writer = recorder::writer_id(1);
  std::mt19937 random(11);
  std::uint64_t seq = 0;
  for (int start = 0; start < 3; ++start) {
    recorder::Ledger ledger(options);
    for (int round = 0; round < rounds; ++round) {
      std::vector<Arrival> batch;
      for (const audit::Record& record : audit::sample_records()) {
        if (!audit::kind(record).starts_with("checkpoint"))
          batch.push_back(recorder::arrival(writer, ++seq, record));
      }
      const std::string text(random() % 6000, static_cast<char>('a' + round % 5));
      batch.push_back(recorder::arrival(
          writer, ++seq,
          audit::sample(audit::RequestBody{.offset = 0, .content = text, .masks = {}})));
      batch.push_back({.writer = writer, .seq = ++seq, .bytes = "no record \n at all"});
      batch.resize(1 + random() % batch.size());
      seq = batch.back().seq + (round % 7 == 0 ? 1 : 0);  // a hole
      if (!ledger.commit(batch) || (round % 3 == 0 && !ledger.sign())) std::abort();
    }
    if (start == 1) recorder::CheckpointKeys(options.checkpoint_key).make_next();
    if (!ledger.sign()) std::abort();
  }
}

void sweep(const std::string& folder) {
  std::filesystem::copy_file(folder + "/ledger.db", folder + "/swept.db");
  recorder::LedgerOptions options = recorder::options_for(folder + "/swept.db");
  options.checkpoint_key = folder + "/checkpoint.key";
  options.retention = {.keep = std::chrono::hours(1), .delivered_to = {"otlp"}};
  options.now = [] {
    Now now = audit::sample(audit::Gap{}).time;
    now.wall.since_epoch += std::chrono::hours(2);
    return now;
  };
  recorder::Ledger ledger(options);
  if (!ledger.close_left({}) || !ledger.sign()) std::abort();
  namespace protocol = host::protocol;
  const std::uint64_t next = ledger.records() / 2 + 5;
  const std::vector<recorder::Delivery> said = {
      {.asker = 1, .sink = "otlp", .what = protocol::Attach{"otlp", ""}},
      {.asker = 1,
       .sink = "otlp",
       .what = protocol::Confirm{
           .next = next, .dead = {{.record = next / 3, .reason = "400"}}, .cosigned = {}}}};
  if (!ledger.deliver(said)) std::abort();
  for (auto more = ledger.retire(); more && *more;) more = ledger.sweep(std::chrono::seconds(1));
  if (ledger.first() != next || !ledger.sign()) std::abort();
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc == 3 ? std::atoi(argv[2]) : 40;
  if (argc < 2 || argc > 3 || rounds < 1)
    return std::cerr << "usage: make_ledger FOLDER [ROUNDS]\n", 2;
  make(argv[1], rounds);
  if (argc == 2) sweep(argv[1]);
  return 0;
}
