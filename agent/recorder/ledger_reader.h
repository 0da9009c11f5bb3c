// The ledger as an auditor reads it, also while the recorder writes: a read-only connection, and no
// snapshot is held while somebody looks at a screen (that would keep the write-ahead log growing).
// Tested by tests/unit/recorder/ledger_reader_test.cpp.
#pragma once

#include "agent/recorder/exchange_terms.h"
#include "agent/recorder/sqlite.h"
#include "userspace/proof/merkle_tree.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::recorder {

// One line of the list. Exchange 0 is a session that had none that could be seen: spliced, refused,
// or intercepted and left before a request, as by a client that does not trust our authority.
struct ExchangeSummary {
  std::string session;
  std::uint64_t exchange = 0;
  std::int64_t started_wall_ns = 0;
  std::optional<std::int64_t> ended_wall_ns;
  std::string issuer, subject, person, running_as;
  std::string person_class, known_by, standing;  // as in the record; empty before there was any
  std::optional<std::int64_t> known_age_ms;      // of the word that the request was let through by
  std::optional<std::int64_t> uid;
  std::string server, handling, service, method, target, model, mcp_method, tool, outcome;
  std::optional<std::int64_t> status;
  std::uint64_t blocked = 0, gaps = 0;
  std::int64_t decisions = 0;                          // of exchange_terms.h
  std::map<std::string, std::uint64_t> findings = {};  // by category
  std::map<std::string, std::uint64_t> rules = {};     // the same findings by rule
};

struct ExchangeFilter {
  std::optional<std::int64_t> since_wall_ns = {};
  std::string person = {};   // subject or name, exactly, or the uid in digits; "" is everybody
  std::string session = {};  // its first digits; "" is all
  std::size_t limit = 100;   // newest first
  // All that are given must hold, each exactly; "" is any.
  std::optional<std::int64_t> until_wall_ns = {};  // not itself
  std::string group = {}, server = {}, rule = {}, category = {}, model = {};
  std::string tool = {};      // or the method of MCP
  std::string decision = {};  // a name of kDecisions
};

// How much of what a filter finds has this value. All but findings are exchanges.
struct ExchangeCount {
  std::string value;
  std::string group;  // where the count is by rule and group
  std::uint64_t exchanges = 0, findings = 0, blocked = 0, masked = 0, denied = 0, gaps = 0;
};
// By which: the values are those of the record.
enum class CountBy : std::uint8_t {
  Nothing,
  Rule,
  Category,
  Person,
  Group,
  RuleAndGroup,
  Server,
  Model,
  Tool
};

// One that veilwire-forwarder has attached for at some time.
struct SinkState {
  std::string name, destination;
  std::uint64_t next = 1;       // the first record that it has not delivered
  std::uint64_t delivered = 0;  // records; those that were driven again count again
  std::int64_t attached_wall_ns = 0;
  std::optional<std::int64_t> confirmed_wall_ns;
  std::uint64_t lag = 0;  // records
  std::optional<std::int64_t> oldest_undelivered_wall_ns;
  std::uint64_t dead_letters = 0;
};
// What a destination has refused for good.
struct SinkDeadLetter {
  std::uint64_t record = 0;
  std::string reason;
  std::int64_t wall_ns = 0;
};
struct StoredCosignature {
  std::uint64_t size = 0;  // the records that it covers
  std::string line;        // of a signed note
  std::int64_t wall_ns = 0;
};

class LedgerReader {
 public:
  // Throws SqliteError: the file is absent, not readable, or no ledger of a known format.
  explicit LedgerReader(const std::string& path);

  std::vector<ExchangeSummary> list(const ExchangeFilter& filter);

  // Of what list() finds without its limit, a vector for each that is asked for, most findings
  // first and then most exchanges. Nothing: one count, of all.
  std::vector<std::vector<ExchangeCount>> count(const ExchangeFilter& filter,
                                                const std::vector<CountBy>& by);

  // Whether anything is listed of this exchange; session is a whole id.
  bool has_exchange(std::string_view session, std::uint64_t exchange);

  // Sessions whose id begins with prefix, at most two: none, one, or an ambiguous prefix.
  std::vector<std::string> sessions(std::string_view prefix);

  struct StoredRecord {
    std::int64_t id = 0;
    std::string kind;
    std::string bytes;  // canonical, exactly as they were committed
    // As the ledger has filed it, which is not part of what is proven.
    std::string session;
    std::uint64_t exchange = 0;
    std::int64_t wall_ns = 0;
  };
  // Records of an exchange in the order of their arrival, in portions that are read with the
  // ledger's lock and given without it. visit returns false to stop.
  void records(std::string_view session, std::uint64_t exchange,
               const std::function<bool(const StoredRecord&)>& visit);
  // Their ids alone, and a record by its id; nullopt where there is none.
  std::vector<std::int64_t> record_ids(std::string_view session, std::uint64_t exchange);
  std::optional<StoredRecord> record(std::int64_t id);
  // All records, from the one after `id` on.
  void all_records(std::int64_t id, const std::function<bool(const StoredRecord&)>& visit);

  // Of the log that the ledger is, as its checkpoints have it.
  std::string origin();

  // From record `from` to `through`, at most so many bytes but at least one record; an exchange's
  // where one is given. visit gets them while the ledger's snapshot is held.
  struct Exchange {
    std::string session;
    std::uint64_t number = 0;
  };
  struct Span {
    std::uint64_t from = 1, through = 0;
    std::uint64_t most_bytes = 0;
    std::optional<Exchange> exchange = {};
  };
  // Whether the exchange has had records that are no longer kept.
  bool is_cut(const Exchange& exchange);
  // Gives back the number of the first that was left out; nullopt: that was all.
  std::optional<std::uint64_t> span(const Span& span,
                                    const std::function<void(const StoredRecord&)>& visit);

  // By name; of a sink in the order of the ledger; by size. Empty for a ledger of a version that
  // had none.
  std::vector<SinkState> sinks();
  std::vector<SinkDeadLetter> dead_letters(std::string_view sink);
  std::vector<StoredCosignature> cosignatures();

  // What retention.h has left: the first `records` are deleted, but for those in `kept`, and the
  // tree went on from `end`, which is as good as the ledger's word.
  struct Beginning {
    std::uint64_t records = 0;
    proof::Frontier end;
    std::vector<std::int64_t> kept;
  };
  // nullopt: the hashes for it are not there.
  std::optional<Beginning> beginning();
  std::uint64_t deleted();  // of Beginning, the number alone

  // Of the proof. 0, nothing, and an empty tree for a ledger that no recorder has opened since.
  std::int64_t last_record();  // its id
  std::vector<StoredRecord> checkpoint_keys();
  std::optional<StoredRecord> last_checkpoint();
  // The ledger's own hashes, as good as its word.
  std::optional<proof::Hash> subtree(proof::SubtreeId id);

 private:
  void portions(Statement& query, std::string_view session, std::uint64_t exchange, std::int64_t id,
                const std::function<bool(const StoredRecord&)>& visit);
  StoredRecord read_record(const Statement& row);
  std::string pieces_of(std::int64_t record);
  std::vector<StoredRecord> of_kind(std::string_view kind, std::string_view order);
  Database database_;
  std::int64_t version_ = 0;
  std::optional<Statement> find_subtree_;
  std::optional<Statement> find_pieces_;
  std::string record_;  // what a record is read by, in this ledger's format
};

}  // namespace veilwire::recorder
