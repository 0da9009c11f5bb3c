// One exchange as its records tell it, gathered record by record within bounds: what every
// projection of a whole exchange is made from. Whoever delivers feeds what it reads from the ledger
// and asks for the projections when exchange.close has come, or without it when the session has
// ended. Tested by tests/unit/projection/exchange_test.cpp.
#pragma once

#include "userspace/audit/parse.h"
#include "userspace/audit/record.h"
#include "userspace/projection/answer.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::projection {

// Of each direction's body, for projections that show it; the ledger has all of it. An event must
// fit into one request of a collector, most of which take 4 MiB.
inline constexpr std::size_t kShownBody = 512 * 1024;
// Different findings, blocks and gaps that are told apart (a body of nothing but secrets); what is
// beyond is counted.
inline constexpr std::size_t kToldApart = 64;
// The same of changes of who is asking: a person may have a thousand groups.
inline constexpr std::size_t kChangesTold = 8;

// Equal findings of one direction.
struct FindingCount {
  std::string direction;  // "request", "response"
  std::string rule, category;
  std::string action;      // as in audit::MaskedSpan
  std::string would = {};  // likewise
  std::string digest;
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;  // of the originals
};

struct ShownBody {
  std::string content;      // from the beginning, at most what the reader was told to keep
  std::uint64_t bytes = 0;  // of all that was recorded
  bool whole() const { return content.size() == bytes; }
};

struct Exchange {
  audit::Context context;
  std::string writer;
  std::uint64_t seq = 0;  // of the last record: with host and writer the key of what is made of it
  Now begun, ended;       // of the first and the last record
  std::optional<Now> answered;        // response.head
  std::optional<Now> first_released;  // response.fragment

  std::optional<audit::SessionOpen> session;  // where it was fed
  std::optional<audit::RequestHead> request;
  std::optional<audit::ResponseHead> response;
  ShownBody request_body, response_body;
  Answer answer;  // what the answer says about itself

  std::vector<FindingCount> findings;  // of masks and of blocks
  std::uint64_t more_findings = 0;     // of kinds beyond kToldApart
  std::vector<audit::Blocked> blocks;
  std::vector<audit::Gap> gaps;
  std::vector<audit::Observed> observed;  // what would have ended it
  std::vector<audit::IdentityChange> changes;
  std::uint64_t left_out = 0;  // blocks, gaps and changes beyond their bounds
  std::string upstream_error;
  std::optional<audit::ExchangeClose> close;
};

class ExchangeReader {
 public:
  explicit ExchangeReader(std::size_t shown_body = kShownBody)
      : shown_body_(shown_body), answer_(shown_body) {}

  // In the order of seq. The session's own records (exchange 0) may come before; of those only
  // session.open counts.
  void add(const audit::Parsed& record);
  // What has come so far.
  Exchange finish() const;

 private:
  struct Add;

  std::size_t shown_body_;
  AnswerReader answer_;
  Exchange exchange_;
  bool begun_ = false;
};

// What became of it, the gravest first: "blocked", "not inspected", "masked", "observed", "passed".
// A block that stands in a gap counts as one; what is only observed as none.
std::string_view decision(const Exchange& exchange);
// Whether a sink of Level::Findings is told.
bool has_findings(const Exchange& exchange);
// Without their digests, equal ones counted together.
std::vector<FindingCount> without_digests(const std::vector<FindingCount>& findings);

}  // namespace veilwire::projection
