// Wrapped keys as a ledger that its host wrote anew could hold them: any bytes are an error, or the
// one key whose id is given.
#include "userspace/sealing/key_wrap.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

// An auditor of nobody, for whom the corpus is wrapped.
constexpr std::string_view kCertificate =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBcDCCARWgAwIBAgIUHkjUYnt5lMR4+WfgMdLIuQRXI0YwCgYIKoZIzj0EAwIw\n"
    "DDEKMAgGA1UEAwwBYTAgFw0yNjExMjkxMjQ3MTJaGA8yMTI2MTEwNTEyNDcxMlow\n"
    "DDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFsrAro/0RQt\n"
    "4JM5UrstDfWxZPssR/Y66JX/DwlK/JeFBU2Pyi7rdK4CYCx8qKp67hyaHe2d5hWl\n"
    "lNAO15Is8QSjUzBRMB0GA1UdDgQWBBRpxsJOHTEd+OaNEyMtCQB5a0wrAzAfBgNV\n"
    "HSMEGDAWgBRpxsJOHTEd+OaNEyMtCQB5a0wrAzAPBgNVHRMBAf8EBTADAQH/MAoG\n"
    "CCqGSM49BAMCA0kAMEYCIQDQcSH53ECEdza08QN4XYy6ExoQ6NuXVOBYX0wyO2Lj\n"
    "RgIhAMkJ9Glv+Z0e0c8816m+Ee0QZtdq+qcpE+JkFyIqHRVy\n"
    "-----END CERTIFICATE-----\n";
constexpr std::string_view kPrivateKey =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgCNAXFNC1SCCSD6Lx\n"
    "mvWMpfoBkOtaQPPaQTt8XRAu5KKhRANCAARbKwK6P9EULeCTOVK7LQ31sWT7LEf2\n"
    "OuiV/w8JSvyXhQVNj8ou63SuAmAsfKiqeu4cmh3tneYVpZTQDteSLPEE\n"
    "-----END PRIVATE KEY-----\n";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace veilwire::sealing;
  static const SessionKey key =
      *SessionKey::from_bytes(veilwire::Secret(std::string(kSessionKey, 'k')));
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto opened = unwrap_key({key.id(), {}, bytes}, kCertificate, kPrivateKey);
  if (opened && opened->bytes().reveal() != key.bytes().reveal()) std::abort();
  if (!opened && opened.error() == SealingError::NotAPrivateKey) std::abort();
  return 0;
}
