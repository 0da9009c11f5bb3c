// Bytes from a peer, cut anywhere, drive both roles into a failure or a wait, never into a crash;
// nothing that was not encrypted for us comes out as plaintext. The first byte of an input says
// where it is cut.
#include "userspace/wire/tls_engine.h"

#include "userspace/crypto/random.h"
#include "userspace/wire/leaf_cert.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

using namespace veilwire;
using namespace veilwire::wire;

constexpr WallTime kNow{std::chrono::seconds(1'800'000'000)};

struct Contexts {
  Contexts() {
    const WallTime from{kNow.since_epoch - std::chrono::hours(1)};
    const WallTime to{kNow.since_epoch + std::chrono::hours(1)};
    const std::string serial = "0123456789abcdef";
    const auto made = std::move(make_ca({"f", {"a.example"}, from, to, serial})).value();
    const auto ca =
        std::move(CertificateAuthority::load(made.certificate_pem, made.key_pem.reveal())).value();
    TlsServerParameters s;
    s.host = "a.example";
    s.chain = {ca.make_leaf({"a.example", key.public_der(), from, to, serial})->der};
    s.key = &key;
    s.tickets = std::make_shared<TicketKeys>(crypto::system_random(), Monotonic{});
    server = std::move(TlsServerContext::make(s)).value();
    TlsClientParameters c;
    c.roots_pem = made.certificate_pem;
    client = std::move(TlsClientContext::make(c)).value();
  }
  crypto::PrivateKey key = crypto::PrivateKey::generate();
  std::shared_ptr<const TlsServerContext> server;
  std::shared_ptr<TlsClientContext> client;
};

void drive(TlsEngine engine, std::string_view bytes, std::size_t cut) {
  std::string out;
  engine.receive(bytes.substr(0, cut));
  engine.take_ciphertext(out);
  engine.receive(bytes.substr(cut));
  engine.take_ciphertext(out);
  std::string plaintext;
  engine.take_plaintext(plaintext);
  if (!plaintext.empty() || engine.state() == TlsEngine::State::Open) std::abort();
  engine.close();
  engine.end_of_input();
  if (engine.state() != TlsEngine::State::Failed || engine.error() == TlsError::None) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Contexts contexts;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = bytes.empty() ? 0 : data[0] * bytes.size() / 256;
  drive(TlsEngine::server(contexts.server), bytes, cut);
  drive(TlsEngine::client(contexts.client, "a.example", kNow), bytes, cut);
  return 0;
}
