// How long `veilwire audit list` and `stats` search a ledger of a million records, for each filter
// and for every combination of a common or a rare value of each; and how long the recorder takes to
// index one that an earlier version has written. The ledger is made in memory by
// the recorder's own code. Times are those of a processor. Prints figures and judges none.
//
//   audit_bench [records, 1000000]

#include "agent/recorder/ledger.h"
#include "agent/recorder/ledger_reader.h"
#include "tests/unit/recorder/ledger_fixture.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace veilwire::recorder {
namespace {

// Of this process, so that what else runs on the machine does not count.
struct Clock {
  static std::chrono::nanoseconds now() {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
  }
};
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr std::int64_t kStart = 1'780'000'000'000'000'000;  // ns
constexpr std::int64_t kPace = 20'000'000'000;              // ns between exchanges

// Number 0 is the most common one, about half of all; each further one is half as common.
std::size_t skewed(std::mt19937_64& random, std::size_t count) {
  std::size_t n = 0;
  while (n + 1 < count && random() % 2 == 0) ++n;
  return n;
}
std::string numbered(const char* name, std::size_t n) { return name + std::to_string(n); }

class Maker {
 public:
  static LedgerOptions options(const std::string& path) {
    LedgerOptions out = options_for(path);
    out.max_bytes = std::uint64_t{16} << 30;
    return out;
  }

  explicit Maker(const std::string& path) : ledger_(options(path)) {}

  void make(std::uint64_t records) {
    for (std::uint64_t n = 1; seq_ < records; ++n) exchange(n);
    commit();
  }
  std::int64_t end() const { return wall_; }

 private:
  void exchange(std::uint64_t n) {
    wall_ = kStart + static_cast<std::int64_t>(n) * kPace;
    std::array<char, 17> session{};
    std::snprintf(session.data(), session.size(), "%016llx",
                  static_cast<unsigned long long>(n * 0x9e3779b97f4a7c15ULL));
    session_ = session.data();
    identity::Person person = audit::sample_person();
    const std::size_t who = random_() % 500;
    person.subject = numbered("subject-", who);
    person.name = numbered("person-", who);
    person.groups = {"staff", numbered("team-", who % 25), numbered("group-", skewed(random_, 12))};
    put(0, audit::SessionOpen{.peer = audit::sample_peer(),
                              .destination = "192.0.2.1:443",
                              .server_name = numbered("server-", skewed(random_, 12)),
                              .handling = "intercepted",
                              .tls = "TLSv1.3"});
    put(1, audit::RequestHead{.person = person,
                              .service = "anthropic",
                              .method = "POST",
                              .target = "/v1/messages",
                              .fields = {},
                              .model = numbered("model-", skewed(random_, 8)),
                              .mcp_method = {},
                              .tool = numbered("tool-", skewed(random_, 16)),
                              .policy_digest = "ab12"});
    put(1, audit::ResponseHead{.status = 200, .fields = {}});
    const std::string rule = numbered("rule-", skewed(random_, 16));
    const bool found = random_() % 4 == 0, blocked = random_() % 64 == 0;
    for (std::uint64_t i = 0; i < 3; ++i) {
      std::vector<audit::MaskedSpan> masks;
      if (found && i == 1)
        masks.push_back({rule, numbered("category-", rule.size()), 100, 20, "7f3a", "mask", 17});
      put(1, audit::ResponseFragment{
                 .offset = i * 100, .content = std::string(100, 'x'), .masks = masks});
    }
    if (random_() % 100 == 0)
      put(1, audit::Gap{.reason = "unknown coding", .detail = "", .action = "pass", .bytes = 1});
    if (blocked)
      put(1, audit::Blocked{.direction = "response",
                            .rule = rule,
                            .category = numbered("category-", rule.size()),
                            .digest = "8899",
                            .answer = "reset"});
    put(1, audit::ExchangeClose{.outcome = random_() % 1000 == 0 ? "identity refused" : "complete",
                                .request_bytes = 1,
                                .response_bytes = 300,
                                .masked = 0});
    if (batch_.size() > 1000) commit();
  }

  void put(std::uint64_t exchange, audit::Body body) {
    audit::Record record = audit::sample(std::move(body), exchange);
    record.context.session = session_;
    record.time.wall.since_epoch = std::chrono::nanoseconds(wall_);
    batch_.push_back(arrival(writer_id(1), ++seq_, record));
  }
  void commit() {
    if (!ledger_.commit(batch_)) throw std::runtime_error(ledger_.last_error());
    batch_.clear();
  }

  Ledger ledger_;
  std::vector<Arrival> batch_;
  std::mt19937_64 random_{11};
  std::uint64_t seq_ = 0;
  std::int64_t wall_ = 0;
  std::string session_;
};

// One thing to filter by, with a value that many have and one that few have.
struct Choice {
  const char* name;
  std::string ExchangeFilter::*member;
  std::string common, rare;
};

const std::array<Choice, 8> kChoices = {{
    {"person", &ExchangeFilter::person, "1000", "person-7"},
    {"group", &ExchangeFilter::group, "staff", "group-10"},
    {"server", &ExchangeFilter::server, "server-0", "server-9"},
    {"rule", &ExchangeFilter::rule, "rule-0", "rule-12"},
    {"category", &ExchangeFilter::category, "category-6", "category-7"},
    {"tool", &ExchangeFilter::tool, "tool-0", "tool-11"},
    {"model", &ExchangeFilter::model, "model-0", "model-6"},
    {"decision", &ExchangeFilter::decision, "passed", "denied"},
}};

Milliseconds time_of(LedgerReader& reader, const ExchangeFilter& filter, std::size_t& found) {
  const auto started = Clock::now();
  found = reader.list(filter).size();
  return Clock::now() - started;
}

struct Worst {
  Milliseconds time{};
  std::string what;
  void take(Milliseconds t, const std::string& name) {
    if (t <= time) return;
    time = t;
    what = name;
  }
};

void measure(const std::string& path, std::int64_t end) {
  LedgerReader reader(path);
  const auto one = [&](const std::string& name, const ExchangeFilter& filter) {
    std::vector<Milliseconds> times;
    std::size_t found = 0;
    for (int i = 0; i < 7; ++i) times.push_back(time_of(reader, filter, found));
    std::sort(times.begin(), times.end());
    std::printf("%-28s %4zu rows  %8.3f ms, worst %8.3f\n", name.c_str(), found,
                times[times.size() / 2].count(), times.back().count());
  };
  one("list", {});
  ExchangeFilter filter;
  filter.since_wall_ns = kStart + (end - kStart) / 3;
  filter.until_wall_ns = kStart + (end - kStart) / 2;
  one("list --since --until", filter);
  filter = {};
  filter.session = "3";
  one("list --session", filter);
  for (const Choice& choice : kChoices) {
    for (const std::string* value : {&choice.common, &choice.rare}) {
      filter = {};
      filter.*choice.member = *value;
      one("list --" + std::string(choice.name) + " " + *value, filter);
    }
  }

  // Every combination: of each either nothing, the common or the rare value; all time or a part.
  Worst worst;
  std::size_t combinations = 0, over = 0, found = 0;
  std::size_t all = 2;
  for (std::size_t i = 0; i < kChoices.size(); ++i) all *= 3;
  for (std::size_t n = 0; n < all; ++n) {
    filter = {};
    std::string name;
    std::size_t rest = n / 2;
    for (const Choice& choice : kChoices) {
      if (rest % 3 != 0) {
        filter.*choice.member = rest % 3 == 1 ? choice.common : choice.rare;
        name += " --" + std::string(choice.name) + " " + filter.*choice.member;
      }
      rest /= 3;
    }
    if (n % 2 == 1) {
      filter.until_wall_ns = kStart + (end - kStart) / 2;
      name += " --until half";
    }
    const Milliseconds time = time_of(reader, filter, found);
    ++combinations;
    if (time > Milliseconds(100)) ++over;
    worst.take(time, name);
  }
  std::printf("%zu combinations: %zu above 100 ms, worst %.3f ms:%s\n", combinations, over,
              worst.time.count(), worst.what.c_str());

  const auto started = Clock::now();
  const auto counts = reader.count(
      {}, {CountBy::Nothing, CountBy::Rule, CountBy::Category, CountBy::Person, CountBy::Group,
           CountBy::RuleAndGroup, CountBy::Server, CountBy::Model, CountBy::Tool});
  std::printf("stats of %llu exchanges: %.0f ms\n",
              static_cast<unsigned long long>(counts[0][0].exchanges),
              Milliseconds(Clock::now() - started).count());
}

void run(std::uint64_t records) {
  const TemporaryFolder folder;
  const std::string path = folder / "ledger.db";
  const auto started = Clock::now();
  std::optional<Maker> maker(std::in_place, path);
  maker->make(records);
  const std::int64_t end = maker->end();
  maker.reset();
  const std::chrono::duration<double> took = Clock::now() - started;
  std::printf("%llu records in %.1f s, %.0f a second; %.0f bytes each\n",
              static_cast<unsigned long long>(records), took.count(),
              static_cast<double>(records) / took.count(),
              static_cast<double>(std::filesystem::file_size(path)) / static_cast<double>(records));
  std::fflush(stdout);
  measure(path, end);

  make_earlier(path);
  const auto opened = Clock::now();
  { const Ledger ledger(Maker::options(path)); }
  const std::chrono::duration<double> again = Clock::now() - opened;
  std::printf("opening it as one of an earlier version: %.1f s\n", again.count());
}

}  // namespace
}  // namespace veilwire::recorder

int main(int argc, char** argv) {
  std::uint64_t records = 1'000'000;
  if (argc > 1) {
    const std::string_view text = argv[1];
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), records);
    if (error != std::errc{} || end != text.data() + text.size() || records == 0 || argc > 2)
      return std::fputs("usage: audit_bench [RECORDS]\n", stderr), 2;
  }
  try {
    veilwire::recorder::run(records);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "audit_bench: %s\n", e.what());
    return 1;
  }
  return 0;
}
