#include "tests/bench/masking_corpus.h"

#include "userspace/wire/json_scanner.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <utility>

namespace veilwire::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSize = 1 << 20;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The files, and those below the folders whose names end so, in order, again and again up to
// kSize.
std::string gather(const std::vector<std::string>& folders, const std::vector<std::string>& ends) {
  std::vector<fs::path> files;
  for (const std::string& folder : folders) {
    const fs::path path = fs::path(VEILWIRE_SOURCE_DIR) / folder;
    if (fs::is_regular_file(path)) {
      files.push_back(path);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      const std::string name = entry.path().filename().string();
      if (entry.is_regular_file() && std::any_of(ends.begin(), ends.end(), [&](const auto& end) {
            return name.ends_with(end);
          }))
        files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::string all;
  for (const fs::path& file : files) all += read(file);
  if (all.empty()) std::abort();
  while (all.size() < kSize) all += std::string(all).substr(0, kSize - all.size());
  all.resize(kSize);
  return all;
}

std::string conversation(std::string_view source, std::string_view prose) {
  std::string out = R"({"model":"claude","messages":[)";
  constexpr std::size_t kTurn = 4096;
  for (std::size_t at = 0; out.size() < kSize; at += kTurn) {
    for (const auto& [role, text] : {std::pair("user", source), std::pair("assistant", prose)}) {
      out.append(R"({"role":")").append(role).append(R"(","content":[{"type":"text","text":")");
      wire::append_json_escaped(text.substr(at % (kSize - kTurn), kTurn), out);
      out += R"("}]},)";
    }
  }
  out.resize(kSize);
  return out;
}

masking::RulePack parse(const fs::path& path) {
  auto pack = masking::parse_rule_pack(read(path), path.filename().string());
  if (pack) return std::move(pack).value();
  std::fprintf(stderr, "masking_bench: %s:%u: %s\n", path.c_str(), pack.error().line,
               pack.error().message.c_str());
  std::abort();
}

}  // namespace

const std::vector<Corpus>& corpora() {
  static const std::vector<Corpus> kAll = [] {
    const std::string source = gather({"userspace", "agent", "bpf"}, {".cpp", ".h", ".c"});
    const std::string prose = gather(
        {"LICENSE", "README.md", "userspace", "agent", "bpf", "policies", "tests/e2e", "packaging"},
        {".md", ".GPL-2.0", ".1", ".5", ".7", ".8"});
    return std::vector<Corpus>{
        {"source", source}, {"prose", prose}, {"conversation", conversation(source, prose)}};
  }();
  return kAll;
}

std::size_t Packs::rules() const {
  std::size_t n = 0;
  for (const masking::RulePack& pack : packs) n += pack.rules.size();
  return n;
}

const std::vector<Packs>& packs() {
  static const std::vector<Packs> kAll = [] {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(VEILWIRE_SOURCE_DIR "/policies/rules"))
      if (entry.path().extension() == ".toml") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    Packs secrets{"secrets", {}}, all{"all", {}};
    for (const fs::path& file : files) {
      all.packs.push_back(parse(file));
      if (file.filename() != "personal.toml" && file.filename() != "network.toml")
        secrets.packs.push_back(all.packs.back());
    }
    std::vector<Packs> out{secrets, all};
    if (const char* extra = std::getenv("VEILWIRE_BENCH_PACK"))
      out.push_back({"extra", {parse(extra)}});
    return out;
  }();
  return kAll;
}

std::shared_ptr<const masking::Engine> compile(const Packs& packs) {
  auto engine = masking::compile(
      packs.packs, [](const masking::Rule&) { return masking::Treatment::Mask; },
      Secret(std::string("key")));
  if (engine) return *engine;
  std::fprintf(stderr, "masking_bench: %s: %s\n", engine.error().rule.c_str(),
               engine.error().message.c_str());
  return nullptr;
}

std::vector<std::string_view> pieces(std::string_view text, std::size_t size) {
  std::mt19937 random(1);
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < text.size();) {
    out.push_back(text.substr(at, size != 0 ? size : 1 + random() % 20));
    at += out.back().size();
  }
  return out;
}

}  // namespace veilwire::bench
