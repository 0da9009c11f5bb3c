#include "agent/setup/trust_store.h"

#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"

#include <algorithm>
#include <filesystem>

namespace veilwire::setup {
namespace {

// The text between the first pair of PEM lines, without white space.
std::string body_of(std::string_view pem) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  const std::size_t begin = pem.find(kBegin);
  if (begin == pem.npos) return {};
  const std::size_t end = pem.find("-----END", begin + kBegin.size());
  if (end == pem.npos) return {};
  std::string body;
  for (const char c : pem.substr(begin + kBegin.size(), end - begin - kBegin.size()))
    if (c != '\n' && c != '\r' && c != ' ') body += c;
  return body;
}

}  // namespace

const std::vector<TrustStore>& known_stores() {
  static const std::vector<TrustStore> stores{
      // --fresh: without it the links of a certificate that has gone stay.
      {"debian",
       "/usr/local/share/ca-certificates/veilwire.crt",
       {"update-ca-certificates"},
       {"update-ca-certificates", "--fresh"},
       "/etc/ssl/certs/ca-certificates.crt",
       "/etc/ssl/certs",
       {"/usr/local/share/ca-certificates", "/usr/share/ca-certificates",
        "/etc/ca-certificates.conf"}},
      {"fedora",
       "/etc/pki/ca-trust/source/anchors/veilwire.pem",
       {"update-ca-trust", "extract"},
       {"update-ca-trust", "extract"},
       "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
       "/etc/pki/ca-trust/extracted",
       {"/etc/pki/ca-trust/source", "/usr/share/pki/ca-trust-source"}},
  };
  return stores;
}

const TrustStore* find_store(const std::string& name) {
  const auto& stores = known_stores();
  const auto found = std::find_if(stores.begin(), stores.end(),
                                  [&](const TrustStore& store) { return store.name == name; });
  return found == stores.end() ? nullptr : &*found;
}

const TrustStore* detect_store(const std::function<bool(const std::string&)>& exists) {
  if (exists("/etc/pki/ca-trust/source")) return find_store("fedora");
  // Other systems have a tool of this name for other folders.
  if (exists("/usr/sbin/update-ca-certificates") && exists("/usr/share/ca-certificates"))
    return find_store("debian");
  return nullptr;
}

Tree tree_of(const std::vector<std::string>& places) {
  namespace fs = std::filesystem;
  Tree tree;
  for (const std::string& place : places) {
    const PathState state = look(place);
    if (state.kind == PathState::Kind::Absent) continue;
    tree[place] = state;
    if (state.kind != PathState::Kind::Folder) continue;
    for (const auto& entry : fs::recursive_directory_iterator(place))
      tree[entry.path().string()] = look(entry.path().string());
  }
  return tree;
}

std::string digest_of_sources(const TrustStore& store) {
  std::string text;
  for (const auto& [path, state] : tree_of(store.sources))
    // Folders count by what is in them: ours may have been made for our own certificate.
    if (path != store.anchor && state.kind != PathState::Kind::Folder)
      text += path + '\0' + state.content + '\0';
  return crypto::hex_encode(crypto::sha256(text));
}

bool bundle_holds(std::string_view bundle, std::string_view certificate_pem) {
  const std::string wanted = body_of(certificate_pem);
  if (wanted.empty()) return false;
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
  for (std::size_t end; (end = bundle.find(kEnd)) != bundle.npos;
       bundle.remove_prefix(end + kEnd.size()))
    if (body_of(bundle.substr(0, end + kEnd.size())) == wanted) return true;
  return false;
}

}  // namespace veilwire::setup
