#include "agent/recorder/ledger.h"

#include "agent/host/log.h"
#include "agent/recorder/checkpoint_keys.h"
#include "agent/recorder/disk_reserve.h"
#include "agent/recorder/exchange_index.h"
#include "agent/recorder/ledger_reader.h"
#include "agent/recorder/log_tree.h"
#include "agent/recorder/packed_text.h"
#include "agent/recorder/schema.h"
#include "agent/recorder/sqlite.h"
#include "userspace/audit/content.h"
#include "userspace/audit/parse.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"
#include "userspace/proof/checkpoint.h"
#include "userspace/proof/key_statement.h"

#include <algorithm>
#include <exception>
#include <map>
#include <optional>
#include <utility>

#include <sqlite3.h>
#include <sys/stat.h>

namespace veilwire::recorder {
namespace {

// The recorder's own records belong to no connection.
constexpr std::string_view kNoSession = Retention::kNoSession;
// Hashes of a write-ahead log of a few megabytes.
constexpr std::uint64_t kHashedAtOnce = 20'000;
// A text that is shorter costs more as a row of its own than it can save.
constexpr std::size_t kLeastSharedText = 512;

// A session has one writer, the one of its first record. What the recorder says about itself is
// never open.
constexpr std::string_view kFindLeft = R"sql(
SELECT e.session, e.exchange, w.name FROM entries e
  JOIN records r ON r.id = (SELECT id FROM records f WHERE f.session = e.session
                            ORDER BY f.exchange, f.id LIMIT 1)
  JOIN writers w ON w.id = r.writer
WHERE e.ended_ns IS NULL AND e.session <> ?1 AND w.own = 0)sql";

std::uint64_t file_size(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

class OwnFilesOnly {
 public:
  OwnFilesOnly() : old_(::umask(S_IRWXG | S_IRWXO)) {}
  ~OwnFilesOnly() { ::umask(old_); }
  OwnFilesOnly(const OwnFilesOnly&) = delete;
  OwnFilesOnly& operator=(const OwnFilesOnly&) = delete;

 private:
  mode_t old_;
};

// Where a writer stands, as the batch knows it. Not a member of its class, inside of which clang 14
// cannot make one in a std::optional.
struct Writer {
  std::int64_t row = 0;
  std::uint64_t last_seq = 0;
  std::string name;
};

}  // namespace

struct Ledger::State {
  explicit State(LedgerOptions given)
      : options(std::move(given)),
        reserve(options.path + ".reserve", options.reserved_bytes),
        keys(options.checkpoint_key) {}

  // All statements, prepared after the tables exist.
  struct Statements {
    Statements(Database& db, const RetentionPolicy& policy)
        : begin(db, "BEGIN IMMEDIATE"),
          commit(db, "COMMIT"),
          rollback(db, "ROLLBACK"),
          pages(db, "PRAGMA page_count"),
          free_pages(db, "PRAGMA freelist_count"),
          find_writer(db, "SELECT id, last_seq FROM writers WHERE name = ?"),
          find_own(db, "SELECT id, name, last_seq FROM writers WHERE own = 1"),
          find_left(db, kFindLeft),
          add_writer(db, "INSERT INTO writers(name, last_seq, own) VALUES(?, 0, ?)"),
          set_last_seq(db, "UPDATE writers SET last_seq = ?2 WHERE id = ?1"),
          find_content(db, "SELECT id FROM contents WHERE digest = ?"),
          add_content(db, "INSERT INTO contents(digest, text, packed) VALUES(?, ?, ?)"),
          add_piece(db, "INSERT INTO pieces VALUES(?, ?, ?)"),
          add_record(db,
                     "INSERT INTO records(id, writer, seq, session, exchange, kind, wall_ns, bytes,"
                     " content, content_at) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
          index(db),
          tree(db),
          sinks(db),
          retention(db, policy) {}
    Statement begin, commit, rollback, pages, free_pages, find_writer, find_own, find_left,
        add_writer, set_last_seq, find_content, add_content, add_piece, add_record;
    ExchangeIndex index;
    LogTree tree;
    SinkTable sinks;
    Retention retention;
  };

  void open();
  void find_log();
  void complete_tree();

  LedgerError failed() {
    error = database->last_error();
    const int code = database->last_code() & 0xff;
    if (database->in_transaction() && !statements->rollback.run()) return LedgerError::Broken;
    return code == SQLITE_FULL ? LedgerError::Full : LedgerError::Broken;
  }

  // Free pages are used before the file grows.
  std::uint64_t used_bytes() {
    const auto count = [](Statement& pragma) {
      std::uint64_t pages = 0;
      pragma.bind();
      if (pragma.step() == Step::Row) pages = static_cast<std::uint64_t>(pragma.integer(0));
      pragma.reset();
      return pages;
    };
    const std::uint64_t pages = count(statements->pages), free = count(statements->free_pages);
    return (pages - std::min(free, pages)) * page_size + file_size(options.path + "-wal");
  }

  LedgerOptions options;
  std::optional<Database> database;
  DiskReserve reserve;
  CheckpointKeys keys;
  TextPacker packer;
  std::optional<Statements> statements;
  proof::Frontier end;                         // of the tree, as committed
  std::map<std::string, std::uint64_t> sinks;  // where they stand, as committed
  Retention::Extent retention;                 // likewise
  std::string origin;                          // the log's name
  std::string stated_key;  // by which the ledger says that its checkpoints are signed; "": none yet
  std::uint64_t page_size = 0;
  std::string error;
};

// One batch. Writers are read from the database once and written back once.
class Ledger::Transaction {
 public:
  explicit Transaction(State& state) : state_(state), sql_(*state.statements), end_(state.end) {}

  bool add(const Arrival& arrival) {
    Writer* writer = find(arrival.writer);
    if (writer == nullptr) return false;
    if (arrival.seq <= writer->last_seq) return true;
    if (arrival.seq > writer->last_seq + 1 &&
        !note(kNoSession, 0,
              audit::Gap{.reason = "records missing",
                         .detail = "writer " + writer->name + " seq " +
                                   std::to_string(writer->last_seq + 1) + " to " +
                                   std::to_string(arrival.seq - 1),
                         .action = "pass",
                         .bytes = 0}))
      return false;
    writer->last_seq = arrival.seq;

    const auto parsed = audit::parse_record(arrival.bytes);
    std::string_view problem;
    if (!parsed) {
      problem = audit::to_string(parsed.error());
    } else if (parsed->writer != writer->name || parsed->seq != arrival.seq) {
      problem = "signed by another writer or number than it came with";
    }
    if (!problem.empty()) {
      return store(*writer, arrival.bytes, nullptr) &&
             note(kNoSession, 0,
                  audit::Gap{.reason = "unreadable record",
                             .detail = "writer " + writer->name + " seq " +
                                       std::to_string(arrival.seq) + ": " + std::string(problem),
                             .action = "pass",
                             .bytes = arrival.bytes.size()});
    }
    return store(*writer, arrival.bytes, &parsed->record);
  }

  bool close_left(const std::set<WriterId>& present) {
    std::set<std::string, std::less<>> names;
    for (const WriterId& writer : present) names.insert(host::protocol::to_hex(writer));
    struct Left {
      std::string session;
      std::uint64_t exchange = 0;
    };
    std::vector<Left> left;
    sql_.find_left.bind(kNoSession);
    Step step;
    while ((step = sql_.find_left.step()) == Step::Row) {
      if (!names.contains(sql_.find_left.text(2)))
        left.push_back({std::string(sql_.find_left.text(0)),
                        static_cast<std::uint64_t>(sql_.find_left.integer(1))});
    }
    sql_.find_left.reset();
    return step == Step::Done && std::all_of(left.begin(), left.end(), [this](const Left& open) {
             return note(open.session, open.exchange,
                         audit::Gap{.reason = std::string(kProxyGone),
                                    .detail = "no record says how this ended",
                                    .action = "block",
                                    .bytes = 0});
           });
  }

  // before: the key so far, if it is at hand.
  bool state_key(const proof::NoteSigner& key, const proof::NoteSigner* before) {
    const std::string verifier = key.verifier().to_string();
    proof::Note note{.text = to_text(proof::KeyStatement{state_.origin, verifier}),
                     .signatures = {}};
    note.signatures.push_back(key.sign(note.text));
    if (before != nullptr) note.signatures.push_back(before->sign(note.text));
    return this->note(kNoSession, 0,
                      audit::CheckpointKey{.verifier = verifier, .note = to_string(note)});
  }

  bool sign(const proof::NoteSigner& key) {
    const Now now = state_.options.now();
    proof::Note note{
        .text = to_text(proof::Checkpoint{.origin = state_.origin,
                                          .size = end_.size(),
                                          .root = end_.root(),
                                          .extensions = {proof::time_extension(now.wall)}}),
        .signatures = {}};
    note.signatures.push_back(key.sign(note.text));
    return this->note(kNoSession, 0, audit::Checkpoint{.note = to_string(note)});
  }

  bool deliver(const Delivery& delivery, std::vector<host::protocol::DeliveryAnswer>& answers) {
    auto answer =
        sql_.sinks.apply(delivery, {.first = state_.retention.swept + 1, .last = end_.size()},
                         state_.options.now().wall.since_epoch.count());
    if (answer) answers.push_back(*std::move(answer));
    return answer.has_value();
  }

  // Up to which record it is said now; nullopt: the database refused.
  std::optional<std::uint64_t> retire() {
    const Retention::Extent& said = state_.retention;
    const auto through = sql_.retention.bound(said, state_.options.now().wall.since_epoch.count());
    if (!through || *through == said.through) return through;
    const auto goes = sql_.retention.count(said.through, *through);
    const auto gone = sql_.tree.read(*through);
    if (!goes || !gone || !sql_.retention.say(*through)) return std::nullopt;
    const proof::Hash root = gone->root();
    if (!note(kNoSession, 0,
              audit::Retention{.through = *through,
                               .records = *goes,
                               .root = crypto::base64_encode(crypto::as_bytes(root))}))
      return std::nullopt;
    return through;
  }

  std::optional<std::uint64_t> sweep(std::chrono::nanoseconds budget) {
    const auto until = std::chrono::steady_clock::now() + budget;
    std::uint64_t swept = state_.retention.swept;
    do {
      if (!sql_.retention.forget(++swept)) return std::nullopt;
    } while (swept < state_.retention.through && std::chrono::steady_clock::now() < until);
    if (!sql_.retention.swept(swept)) return std::nullopt;
    return swept;
  }

  // After the commit.
  const proof::Frontier& end() const { return end_; }

  bool finish() {
    for (const auto& [id, writer] : writers_) {
      if (!sql_.set_last_seq.run(writer.row, writer.last_seq)) return false;
    }
    return !own_ || sql_.set_last_seq.run(own_->row, own_->last_seq);
  }

 private:
  Writer* find(const WriterId& id) {
    const auto [it, added] = writers_.try_emplace(id);
    Writer& writer = it->second;
    if (!added) return &writer;
    writer.name = host::protocol::to_hex(id);
    sql_.find_writer.bind(std::string_view(writer.name));
    const Step step = sql_.find_writer.step();
    if (step == Step::Row) {
      writer.row = sql_.find_writer.integer(0);
      writer.last_seq = static_cast<std::uint64_t>(sql_.find_writer.integer(1));
    }
    sql_.find_writer.reset();
    if (step == Step::Done) {
      if (!sql_.add_writer.run(std::string_view(writer.name), 0)) return nullptr;
      writer.row = state_.database->last_row();
    }
    return step == Step::Failed ? nullptr : &writer;
  }

  // The recorder's own word, numbered by itself.
  bool note(std::string_view session, std::uint64_t exchange, audit::Body body) {
    if (!own_) {
      own_.emplace();
      sql_.find_own.bind();
      const Step step = sql_.find_own.step();
      if (step == Step::Row) {
        own_->row = sql_.find_own.integer(0);
        own_->name = sql_.find_own.text(1);
        own_->last_seq = static_cast<std::uint64_t>(sql_.find_own.integer(2));
      }
      sql_.find_own.reset();
      if (step == Step::Failed) return false;
      if (step == Step::Done) {
        own_->name = host::protocol::to_hex(state_.options.new_writer_id());
        if (!sql_.add_writer.run(std::string_view(own_->name), 1)) return false;
        own_->row = state_.database->last_row();
      }
    }
    const audit::Record record{.context = {.host = state_.options.host,
                                           .boot = state_.options.boot,
                                           .session = std::string(session),
                                           .exchange = exchange},
                               .time = state_.options.now(),
                               .body = std::move(body)};
    ++own_->last_seq;
    return store(*own_, audit::canonical(record, own_->name, own_->last_seq), &record);
  }

  // record: nullptr for bytes that are none.
  bool store(const Writer& writer, std::string_view bytes, const audit::Record* record) {
    // A record's number is its place in the tree, from 1.
    const std::uint64_t id = end_.size() + 1;
    if (!sql_.tree.add(end_, bytes)) return false;
    if (record == nullptr) {
      return sql_.add_record.run(
          id, writer.row, writer.last_seq, std::string_view(), 0, std::string_view("unreadable"),
          state_.options.now().wall.since_epoch.count(), Blob{bytes}, nullptr, nullptr);
    }
    std::string without_text;
    std::optional<std::int64_t> content_at;
    Blob stored{bytes};
    if (std::holds_alternative<audit::RequestBody>(record->body)) {
      const auto range = audit::find_content(bytes);
      if (range && range->length >= kLeastSharedText) {
        if (!share_pieces(id, bytes.substr(range->offset, range->length))) return false;
        content_at = static_cast<std::int64_t>(range->offset);
        without_text.append(bytes.substr(0, range->offset))
            .append(bytes.substr(range->offset + range->length));
        stored.bytes = without_text;
      }
    }
    // What belongs to no connection, a change of configuration say, is found under one name.
    const std::string_view session =
        record->context.session.empty() ? kNoSession : std::string_view(record->context.session);
    return sql_.add_record.run(id, writer.row, writer.last_seq, session, record->context.exchange,
                               audit::kind(*record),
                               std::int64_t{record->time.wall.since_epoch.count()}, stored, nullptr,
                               content_at) &&
           sql_.index.add(*record, session);
  }

  // As it stands in the record, escapes and all: what is sent again is escaped again alike.
  bool share_pieces(std::uint64_t record, std::string_view text) {
    for (std::uint64_t place = 0; !text.empty(); ++place) {
      const std::size_t size = audit::next_cut(text);
      const auto content = share(text.substr(0, size));
      if (!content || !sql_.add_piece.run(record, place, *content)) return false;
      text.remove_prefix(size);
    }
    return true;
  }

  // The row that holds this text, made when there is none.
  std::optional<std::int64_t> share(std::string_view text) {
    const crypto::Digest digest = crypto::sha256(text);
    const Blob key{crypto::as_bytes(digest)};
    sql_.find_content.bind(key);
    const Step step = sql_.find_content.step();
    std::optional<std::int64_t> row;
    if (step == Step::Row) row = sql_.find_content.integer(0);
    sql_.find_content.reset();
    if (step != Step::Done) return row;
    const auto packed = state_.packer.pack(text);
    if (sql_.add_content.run(key, Blob{packed ? *packed : text}, packed ? 1 : 0))
      row = state_.database->last_row();
    return row;
  }

  State& state_;
  State::Statements& sql_;
  std::map<WriterId, Writer> writers_;
  std::optional<Writer> own_;
  proof::Frontier end_;
};

void Ledger::State::open() {
  Database& db = database.emplace(options.path, Database::Mode::Create, options.vfs);
  db.execute("PRAGMA journal_mode=WAL");
  db.execute("PRAGMA synchronous=FULL");
  db.execute("PRAGMA journal_size_limit=67108864");
  sqlite3_wal_autocheckpoint(db.handle(), options.checkpoint_pages);
  // Full, not passive: passive passes over what a reader still needs, and the point is all of it.
  int in_log = 0, moved = 0;
  if (const int code =
          sqlite3_wal_checkpoint_v2(db.handle(), nullptr, SQLITE_CHECKPOINT_FULL, &in_log, &moved);
      code != SQLITE_OK || in_log != moved)
    throw SqliteError(code, "cannot bring the write-ahead log to disk: " + db.last_error());
  migrate(db, options.now().wall.since_epoch.count());
  page_size = static_cast<std::uint64_t>(db.integer("PRAGMA page_size"));
  statements.emplace(db, options.retention);
  end = statements->tree.read();
  sinks = statements->sinks.read();
  retention = statements->retention.read();
  find_log();
  complete_tree();
  fill_index(*database, statements->index, options.path);
  if (options.checkpoint_key.empty()) return;
  keys.prepare();
  (void)keys.current(origin);
}

// The log's name, and the key that it names last.
void Ledger::State::find_log() {
  Statement find(*database, "SELECT origin FROM log");
  const bool named = find.step() == Step::Row;
  if (named) origin = find.text(0);
  find.reset();
  if (!named) {
    // A ledger that takes another's place is another log: a witness can tell them apart.
    origin = "veilwire/" + (options.host.empty() ? "unknown" : options.host) + "/" +
             host::protocol::to_hex(options.new_writer_id()).substr(0, 8);
    if (!Statement(*database, "INSERT INTO log VALUES(?)").run(std::string_view(origin)))
      throw SqliteError(database->last_code(), database->last_error());
  }
  Statement last(
      *database,
      "SELECT bytes FROM records WHERE kind = 'checkpoint.key' ORDER BY id DESC LIMIT 1");
  if (last.step() != Step::Row) return;
  const auto parsed = audit::parse_record(last.text(0));
  if (const auto* key = parsed ? std::get_if<audit::CheckpointKey>(&parsed->record.body) : nullptr)
    stated_key = key->verifier;
}

// Records of a ledger from before there was a tree, in portions that are committed: an interrupted
// one goes on where it stood.
void Ledger::State::complete_tree() {
  if (database->integer("SELECT ifnull(max(id), 0) FROM records") ==
      static_cast<std::int64_t>(end.size()))
    return;
  host::log::info("ledger: hashing the records of an earlier version");
  database->execute("BEGIN IMMEDIATE");
  LedgerReader(options.path)
      .all_records(static_cast<std::int64_t>(end.size()), [&](const auto& record) {
        if (record.id != static_cast<std::int64_t>(end.size()) + 1)
          throw SqliteError(0, "the ledger lacks record " + std::to_string(end.size() + 1));
        if (!statements->tree.add(end, record.bytes))
          throw SqliteError(database->last_code(), database->last_error());
        if (end.size() % kHashedAtOnce == 0) database->execute("COMMIT; BEGIN IMMEDIATE");
        return true;
      });
  database->execute("COMMIT");
}

Ledger::Ledger(LedgerOptions options) : state_(std::make_unique<State>(std::move(options))) {
  // The database, its log and its index are for the recorder's user alone.
  const OwnFilesOnly mask;
  try {
    state_->open();
  } catch (const SqliteError&) {
    // On a full disk even opening needs space, and it may be the reserve that has it.
    if (!state_->reserve.disk_is_full()) throw;
    state_->reserve.release();
    state_->statements.reset();
    state_->open();
  }
  (void)state_->reserve.acquire();
}

Ledger::Ledger(Ledger&&) noexcept = default;
Ledger::~Ledger() = default;

Result<void, LedgerError> Ledger::commit(std::span<const Arrival> batch) {
  return in_transaction([batch](Transaction& transaction) {
    return std::all_of(batch.begin(), batch.end(),
                       [&](const Arrival& arrival) { return transaction.add(arrival); });
  });
}

Result<void, LedgerError> Ledger::close_left(const std::set<WriterId>& present) {
  return in_transaction(
      [&present](Transaction& transaction) { return transaction.close_left(present); });
}

Result<void, LedgerError> Ledger::sign() {
  State& s = *state_;
  if (s.options.checkpoint_key.empty()) return {};
  try {
    proof::NoteSigner current = s.keys.current(s.origin);
    std::optional<proof::NoteSigner> next = s.keys.next(s.origin);
    const auto is_stated = [&s](const proof::NoteSigner& key) {
      return s.stated_key == key.verifier().to_string();
    };
    // The ledger has said so already; a crash came before the file.
    if (next && is_stated(*next)) {
      s.keys.take_next();
      current = *std::exchange(next, std::nullopt);
    }
    const proof::NoteSigner& key = next ? *next : current;
    const auto done = in_transaction([&](Transaction& transaction) {
      return (is_stated(key) ||
              transaction.state_key(key, is_stated(current) ? &current : nullptr)) &&
             transaction.sign(key);
    });
    if (!done) return done;
    s.stated_key = key.verifier().to_string();
    if (next) s.keys.take_next();
    return {};
  } catch (const std::exception& e) {
    s.error = e.what();
    return Unexpected{LedgerError::Broken};
  }
}

Result<std::vector<host::protocol::DeliveryAnswer>, LedgerError> Ledger::deliver(
    std::span<const Delivery> deliveries) {
  std::vector<host::protocol::DeliveryAnswer> answers;
  const auto done = in_transaction(
      [&](Transaction& transaction) {
        answers.clear();
        return std::all_of(deliveries.begin(), deliveries.end(), [&](const Delivery& delivery) {
          return transaction.deliver(delivery, answers);
        });
      },
      Cap::Passed);
  if (!done) return Unexpected{done.error()};
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (const auto* stands = std::get_if<host::protocol::Attached>(&answers[i]))
      state_->sinks[deliveries[i].sink] = stands->next;
  }
  return answers;
}

const std::map<std::string, std::uint64_t>& Ledger::sinks() const { return state_->sinks; }

Result<bool, LedgerError> Ledger::retire() {
  State& s = *state_;
  if (!s.statements->retention.deletes()) return false;
  if (s.retention.swept == s.retention.through) {
    std::optional<std::uint64_t> through;
    const auto done = in_transaction(
        [&through](Transaction& transaction) {
          through = transaction.retire();
          return through.has_value();
        },
        Cap::Passed);
    if (!done) return Unexpected{done.error()};
    s.retention.through = *through;
  }
  return s.retention.swept < s.retention.through;
}

Result<bool, LedgerError> Ledger::sweep(std::chrono::nanoseconds budget) {
  State& s = *state_;
  if (!s.statements->retention.deletes() || s.retention.swept == s.retention.through) return false;
  std::optional<std::uint64_t> swept;
  const auto done = in_transaction(
      [&](Transaction& transaction) {
        swept = transaction.sweep(budget);
        return swept.has_value();
      },
      Cap::Passed);
  if (!done) return Unexpected{done.error()};
  s.retention.swept = *swept;
  return s.retention.swept < s.retention.through;
}

std::uint64_t Ledger::first() const { return state_->retention.swept + 1; }

std::uint64_t Ledger::records() const { return state_->end.size(); }

Result<void, LedgerError> Ledger::in_transaction(const Change& change, Cap cap) {
  Result<void, LedgerError> result = try_once(change, cap);
  if (!result && result.error() == LedgerError::Full && state_->reserve.held() &&
      (cap == Cap::Passed || state_->used_bytes() < state_->options.max_bytes)) {
    state_->reserve.release();
    return try_once(change, cap);
  }
  return result;
}

Result<void, LedgerError> Ledger::try_once(const Change& change, Cap cap) {
  State& s = *state_;
  if (cap == Cap::Holds && s.used_bytes() >= s.options.max_bytes) {
    s.error = "the ledger has reached its largest size";
    return Unexpected{LedgerError::Full};
  }
  if (!s.statements->begin.run()) return Unexpected{s.failed()};
  Transaction transaction(s);
  if (!change(transaction) || !transaction.finish() || !s.statements->commit.run())
    return Unexpected{s.failed()};
  s.end = transaction.end();
  return {};
}

Result<std::uint64_t, LedgerError> Ledger::committed(const WriterId& writer) {
  Statement& find = state_->statements->find_writer;
  const std::string name = host::protocol::to_hex(writer);
  find.bind(std::string_view(name));
  const Step step = find.step();
  const std::uint64_t seq =
      step == Step::Row ? static_cast<std::uint64_t>(find.integer(1)) : std::uint64_t{0};
  find.reset();
  if (step == Step::Failed) return Unexpected{state_->failed()};
  return seq;
}

bool Ledger::has_space() {
  State& s = *state_;
  const std::uint64_t most = s.options.max_bytes;
  const std::uint64_t reserved = std::min(s.options.reserved_bytes, most);
  return s.reserve.acquire() && s.used_bytes() < most - reserved;
}

bool Ledger::used_up() { return state_->used_bytes() >= state_->options.max_bytes; }

std::uint64_t Ledger::used_bytes() { return state_->used_bytes(); }
std::uint64_t Ledger::most_bytes() const { return state_->options.max_bytes; }

std::string Ledger::last_error() const { return state_->error; }

}  // namespace veilwire::recorder
