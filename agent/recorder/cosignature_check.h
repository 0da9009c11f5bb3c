// How far witnesses have signed, by their keys and not by the word of whoever brought the lines:
// what is deleted for their sake must be what they have seen. A line counts where it is of a
// configured key and of a checkpoint that stands in this ledger. Tested by
// tests/unit/recorder/retention_test.cpp.
#pragma once

#include "agent/recorder/sqlite.h"
#include "userspace/proof/signed_note.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::recorder {

class CosignatureCheck {
 public:
  // keys: as proof::NoteVerifier spells them, each of a witness. Throws SqliteError for another.
  CosignatureCheck(Database& database, const std::vector<std::string>& keys);

  // Records, from the first on; 0: none. nullopt: the database refused.
  std::optional<std::int64_t> through();

 private:
  struct Line {
    std::int64_t size = 0;
    std::string text;
  };
  bool counts(const Line& line, std::string_view checkpoint_record) const;

  std::vector<proof::NoteVerifier> keys_;
  Statement lines_, checkpoint_;
  std::int64_t through_ = 0;  // what was found before needs no second look
};

}  // namespace veilwire::recorder
