#include "agent/recorder/exchange_index.h"

#include <map>
#include <string>

namespace veilwire::recorder {
namespace {

// An exchange takes over what its session knows: the row of exchange 0, when there is one.
constexpr std::string_view kBegin = R"sql(
INSERT INTO exchanges(session, exchange, started_ns, uid, server, handling)
  SELECT ?1, ?2, ?3, s.uid, s.server, s.handling
  FROM (SELECT 1) LEFT JOIN exchanges s ON s.session = ?1 AND s.exchange = 0
  WHERE true
  ON CONFLICT DO NOTHING)sql";
constexpr std::string_view kWhere = " WHERE session = ?1 AND exchange = ?2";

std::string update(std::string_view set) {
  return std::string("UPDATE exchanges SET ").append(set).append(kWhere);
}

}  // namespace

ExchangeIndex::ExchangeIndex(Database& database)
    : begin_(database, kBegin),
      session_(database, update("uid = ?3, server = ?4, handling = ?5")),
      head_(database,
            update("issuer = ?3, subject = ?4, person = ?5, service = ?6, method = ?7, "
                   "target = ?8, model = ?9, mcp_method = ?10, tool = ?11, running_as = ?12, "
                   "class = ?13, known_by = ?14, standing = ?15, known_age_ms = ?16")),
      status_(database, update("status = ?3")),
      blocked_(database, update("blocked = blocked + 1")),
      gap_(database, update("gaps = gaps + 1")),
      close_(database, update("ended_ns = ?3, outcome = ?4")),
      finding_(database,
               "INSERT INTO findings VALUES(?1, ?2, ?3, ?4)"
               " ON CONFLICT DO UPDATE SET count = count + excluded.count") {}

bool ExchangeIndex::count_findings(std::string_view session, std::uint64_t exchange,
                                   const std::vector<audit::MaskedSpan>& masks) {
  std::map<std::string_view, std::uint64_t> counts;
  for (const audit::MaskedSpan& mask : masks) ++counts[mask.category];
  for (const auto& [category, count] : counts) {
    if (!finding_.run(session, exchange, category, count)) return false;
  }
  return true;
}

struct ExchangeIndex::Add {
  ExchangeIndex& index;
  const audit::Record& record;
  std::string_view session;
  std::uint64_t exchange = record.context.exchange;
  std::int64_t wall = record.time.wall.since_epoch.count();

  bool begin() const { return index.begin_.run(session, exchange, wall); }

  bool operator()(const audit::SessionOpen& b) const {
    return begin() && index.session_.run(
                          session, exchange, std::uint64_t{b.peer.uid},
                          std::string_view(b.server_name.empty() ? b.destination : b.server_name),
                          std::string_view(b.handling));
  }
  bool operator()(const audit::RequestHead& b) const {
    return begin() &&
           index.head_.run(session, exchange, std::string_view(b.person.issuer),
                           std::string_view(b.person.subject), std::string_view(b.person.name),
                           std::string_view(b.service), std::string_view(b.method),
                           std::string_view(b.target), std::string_view(b.model),
                           std::string_view(b.mcp_method), std::string_view(b.tool),
                           std::string_view(b.person.running_as),
                           audit::spell(b.person.person_class), std::string_view(b.person.method),
                           audit::standing(b.person), audit::age_ms(b.person, record.time.mono));
  }
  bool operator()(const audit::RequestBody& b) const {
    return index.count_findings(session, exchange, b.masks);
  }
  bool operator()(const audit::IdentityChange&) const { return begin(); }
  bool operator()(const audit::ResponseHead& b) const {
    return begin() && index.status_.run(session, exchange, b.status);
  }
  bool operator()(const audit::ResponseFragment& b) const {
    return index.count_findings(session, exchange, b.masks);
  }
  bool operator()(const audit::Blocked& b) const {
    return begin() && index.blocked_.run(session, exchange) &&
           index.finding_.run(session, exchange, std::string_view(b.category), 1);
  }
  bool operator()(const audit::UpstreamError&) const { return begin(); }
  bool operator()(const audit::Gap& b) const {
    if (!begin() || !index.gap_.run(session, exchange)) return false;
    return b.reason != kProxyGone || index.close_.run(session, exchange, wall, kProxyGone);
  }
  bool operator()(const audit::ExchangeClose& b) const {
    return begin() && index.close_.run(session, exchange, wall, std::string_view(b.outcome));
  }
  bool operator()(const audit::SessionClose& b) const {
    return begin() && index.close_.run(session, exchange, wall, std::string_view(b.reason));
  }
  bool operator()(const audit::ConfigChange&) const { return begin(); }
  // Of the whole ledger, and found in their own index.
  bool operator()(const audit::Checkpoint&) const { return true; }
  bool operator()(const audit::CheckpointKey&) const { return true; }
};

bool ExchangeIndex::add(const audit::Record& record, std::string_view session) {
  return std::visit(Add{.index = *this, .record = record, .session = session}, record.body);
}

}  // namespace veilwire::recorder
