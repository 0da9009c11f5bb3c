#include "agent/forwarder/tls_files.h"

#include "tests/unit/forwarder/certificates.h"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

namespace veilwire::forwarder {
namespace {

using namespace testing;

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(TlsFiles, AreReadAgainWhenTheyChange) {
  const Folder folder;
  const auto put = [&](const std::string& name) {
    folder.write("certificate", read(authority().certificate(name)));
    folder.write("key", read(authority().key(name)));
  };
  put("host-7");
  TlsFiles files({.roots = authority().ca(),
                  .never_trust = folder / "none",
                  .certificate = folder / "certificate",
                  .key = folder / "key"});
  const auto first = files.context();
  ASSERT_TRUE(first) << first.error();
  EXPECT_EQ(*files.context(), *first);
  put("localhost");
  const auto second = files.context();
  ASSERT_TRUE(second);
  EXPECT_NE(*second, *first);
  EXPECT_EQ(*files.context(), *second);
}

TEST(TlsFiles, SayWhatIsWrongWithThem) {
  const Folder folder;
  const std::string certificate = authority().certificate("host-7");
  const std::string key = authority().key("host-7");
  const std::string open = folder.write("open", read(key), 0644);
  const std::string no_key = folder.write("no-key", "nothing");
  const std::string no_roots = folder.write("no-roots", "nothing", 0644);
  const std::string roots_of_others = folder.write("of-others", read(authority().ca()), 0666);
  const struct {
    std::string roots, certificate, key, said;
  } cases[] = {
      {authority().ca(), certificate, open, open},
      {authority().ca(), certificate, no_key, no_key},
      {authority().ca(), certificate, folder / "none", folder / "none"},
      {authority().ca(), certificate, authority().key("localhost"), certificate},
      {no_roots, "", "", no_roots},
      {folder / "none", "", "", folder / "none"},
      {roots_of_others, "", "", roots_of_others},
  };
  for (const auto& wrong : cases) {
    TlsFiles files({.roots = wrong.roots,
                    .never_trust = "",
                    .certificate = wrong.certificate,
                    .key = wrong.key});
    const auto context = files.context();
    ASSERT_FALSE(context) << wrong.said;
    EXPECT_TRUE(context.error().starts_with(wrong.said)) << context.error();
  }
}

}  // namespace
}  // namespace veilwire::forwarder
