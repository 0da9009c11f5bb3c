// What masking a whole text must give, restated as simply as it can be said: each rule on its own,
// every start of the whole text tried with RE2, then the leftmost-longest of all findings, and what
// blocks inside of those. Shares no search code with the engine.
#pragma once

#include "userspace/masking/engine.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::testing {

struct Masked {
  std::string text;
  std::vector<masking::Finding> findings;  // closed ones
  std::vector<masking::Finding> inner;     // that block inside of what others cover
  // Set where a finding blocks: what may have been released before the first that does, and where
  // that finding ends.
  std::optional<std::string> before_block;
  std::size_t block_end = 0;
  friend bool operator==(const Masked&, const Masked&) = default;
};

class MaskingOracle {
 public:
  // treatment: the engine's.
  MaskingOracle(std::vector<masking::Rule> rules, std::string site_key,
                const masking::TreatmentOf& treatment = {});
  ~MaskingOracle();
  Masked mask(std::string_view text) const;

 private:
  struct Compiled;
  std::vector<Compiled> rules_;
  std::vector<std::string> ids_;
  std::string site_key_;
};

}  // namespace veilwire::testing
