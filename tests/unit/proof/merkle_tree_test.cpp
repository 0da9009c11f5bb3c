// Against the definition of RFC 6962, restated here over whole lists of records, for every size up
// to a bound; and every change of a proof must be seen.
#include "userspace/proof/merkle_tree.h"

#include "userspace/crypto/encoding.h"

#include <map>
#include <span>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace veilwire::proof {
namespace {

std::vector<std::string> records(std::uint64_t count) {
  std::vector<std::string> out;
  for (std::uint64_t i = 0; i < count; ++i) out.push_back("record " + std::to_string(i));
  return out;
}

// MTH of RFC 6962, 2.1.
Hash tree_head(std::span<const std::string> all) {
  if (all.empty()) return crypto::sha256("");
  if (all.size() == 1) return crypto::sha256(std::string(1, '\0') + all[0]);
  std::size_t left = 1;
  while (left * 2 < all.size()) left *= 2;
  const Hash a = tree_head(all.first(left)), b = tree_head(all.subspan(left));
  return crypto::sha256(std::string(1, '\1') + std::string(crypto::as_bytes(a)) +
                        std::string(crypto::as_bytes(b)));
}

// What a log stores.
struct Stored {
  std::map<std::pair<unsigned, std::uint64_t>, Hash> hashes;
  Frontier frontier;

  explicit Stored(const std::vector<std::string>& all) {
    for (const std::string& record : all) {
      frontier.append(leaf_hash(record), [&](SubtreeId id, const Hash& hash) {
        EXPECT_TRUE(hashes.emplace(std::pair(id.level, id.index), hash).second);
      });
    }
  }
  Frontier::Read read() const {
    return [this](SubtreeId id) -> std::optional<Hash> {
      const auto at = hashes.find({id.level, id.index});
      return at == hashes.end() ? std::nullopt : std::optional(at->second);
    };
  }
};

constexpr std::uint64_t kMost = 70;

TEST(MerkleTree, HasTheRootOfItsDefinitionAtEverySize) {
  const auto all = records(kMost);
  Frontier frontier;
  const Stored stored(all);
  for (std::uint64_t size = 0; size <= kMost; ++size) {
    const Hash expected = tree_head(std::span(all).first(size));
    ASSERT_EQ(frontier.size(), size);
    ASSERT_EQ(frontier.root(), expected) << size;
    const auto again = Frontier::of(size, stored.read());
    ASSERT_TRUE(again);
    ASSERT_EQ(again->root(), expected) << size;
    if (size < kMost) frontier.append(leaf_hash(all[size]), [](SubtreeId, const Hash&) {});
  }
}

// RFC 6962's reference implementation (certificate-transparency, merkle_tree_test): eight inputs.
TEST(MerkleTree, HasTheRootsThatCertificateTransparencyHas) {
  const std::vector<std::string> inputs = {"",
                                           "00",
                                           "10",
                                           "2021",
                                           "3031",
                                           "40414243",
                                           "5051525354555657",
                                           "606162636465666768696a6b6c6d6e6f"};
  const std::vector<std::string> roots = {
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  Frontier frontier;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    frontier.append(leaf_hash(*crypto::hex_decode(inputs[i])), [](SubtreeId, const Hash&) {});
    EXPECT_EQ(crypto::hex_encode(frontier.root()), roots[i]);
  }
}

TEST(MerkleTree, ProvesEveryRecordAndNothingElse) {
  const auto all = records(kMost);
  const Stored stored(all);
  for (std::uint64_t size = 1; size <= kMost; ++size) {
    const Hash root = tree_head(std::span(all).first(size));
    for (std::uint64_t record = 0; record < size; ++record) {
      const auto proof = inclusion_proof(record, size, stored.read());
      ASSERT_TRUE(proof);
      const Hash leaf = leaf_hash(all[record]);
      ASSERT_TRUE(is_included(leaf, record, size, root, *proof)) << record << " of " << size;
      ASSERT_FALSE(is_included(leaf_hash("another"), record, size, root, *proof));
      ASSERT_FALSE(is_included(leaf, record, size, leaf_hash("another"), *proof));
      for (std::uint64_t other = 0; other < size + 2; ++other) {
        ASSERT_EQ(is_included(leaf, other, size, root, *proof), other == record);
      }
    }
    EXPECT_FALSE(inclusion_proof(size, size, stored.read()));
    EXPECT_FALSE(is_included(leaf_hash(all[0]), size, size, root, {}));
  }
}

TEST(MerkleTree, ProvesThatItOnlyGrew) {
  const auto all = records(kMost);
  const Stored stored(all);
  for (std::uint64_t size = 0; size <= kMost; ++size) {
    const Hash root = tree_head(std::span(all).first(size));
    for (std::uint64_t old_size = 0; old_size <= size; ++old_size) {
      const Hash old_root = tree_head(std::span(all).first(old_size));
      const auto proof = consistency_proof(old_size, size, stored.read());
      ASSERT_TRUE(proof);
      ASSERT_TRUE(is_consistent(old_size, old_root, size, root, *proof));
      ASSERT_FALSE(is_consistent(old_size, leaf_hash("another"), size, root, *proof));
      ASSERT_EQ(is_consistent(old_size, old_root, size, leaf_hash("another"), *proof),
                old_size == 0 && size != 0);
    }
    EXPECT_FALSE(consistency_proof(size + 1, size, stored.read()));
    EXPECT_FALSE(is_consistent(size + 1, root, size, root, {}));
  }
}

TEST(MerkleTree, SeesEveryChangeOfAProof) {
  const auto all = records(45);
  const Stored stored(all);
  const Hash root = tree_head(all);
  const auto changed = [](const Proof& proof, const auto& verify) {
    for (std::size_t i = 0; i <= proof.size(); ++i) {
      Proof longer = proof;
      longer.insert(longer.begin() + static_cast<std::ptrdiff_t>(i), leaf_hash("x"));
      EXPECT_FALSE(verify(longer));
      if (i == proof.size()) break;
      Proof other = proof, shorter = proof;
      other[i][5] ^= 1;
      shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(i));
      EXPECT_FALSE(verify(other));
      EXPECT_FALSE(verify(shorter));
    }
  };
  for (std::uint64_t n = 1; n < 45; ++n) {
    changed(*inclusion_proof(n, 45, stored.read()),
            [&](const Proof& proof) { return is_included(leaf_hash(all[n]), n, 45, root, proof); });
    changed(*consistency_proof(n, 45, stored.read()), [&](const Proof& proof) {
      return is_consistent(n, tree_head(std::span(all).first(n)), 45, root, proof);
    });
  }
}

// A record that was changed, taken away or moved makes another tree.
TEST(MerkleTree, CannotBeRewrittenUnderAnOldRoot) {
  const auto all = records(45);
  const Hash old_root = tree_head(std::span(all).first(20));
  for (std::size_t i = 0; i < 20; ++i) {
    auto changed = all, cut = all, moved = all;
    changed[i] += "!";
    cut.erase(cut.begin() + static_cast<std::ptrdiff_t>(i));
    std::swap(moved[i], moved[i + 1]);
    for (const auto& now : {changed, cut, moved}) {
      const Stored stored(now);
      const auto proof = consistency_proof(20, now.size(), stored.read());
      EXPECT_FALSE(is_consistent(20, old_root, now.size(), tree_head(now), *proof)) << i;
    }
  }
}

TEST(MerkleTree, SaysWhenASubtreeIsMissing) {
  Stored stored(records(45));
  stored.hashes.erase({3, 1});
  EXPECT_FALSE(inclusion_proof(0, 45, stored.read()));
  EXPECT_FALSE(consistency_proof(8, 45, stored.read()));
  EXPECT_TRUE(inclusion_proof(44, 45, stored.read()));
  stored.hashes.erase({5, 0});
  EXPECT_FALSE(Frontier::of(45, stored.read()));
}

}  // namespace
}  // namespace veilwire::proof
