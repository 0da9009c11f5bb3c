#include "agent/signer/make_ca_command.h"

#include "agent/host/confinement.h"
#include "agent/host/key_files.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"
#include "userspace/crypto/random.h"
#include "userspace/wire/leaf_cert.h"

#include <chrono>
#include <stdexcept>
#include <utility>

#include <unistd.h>

namespace veilwire::signer {
namespace {

std::string two_digits(unsigned n) {
  return {static_cast<char>('0' + n / 10), static_cast<char>('0' + n % 10)};
}

std::string day_of(WallTime time) {
  const std::chrono::sys_time<std::chrono::nanoseconds> point(time.since_epoch);
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(point));
  return std::to_string(static_cast<int>(day.year())) +
         two_digits(static_cast<unsigned>(day.month())) +
         two_digits(static_cast<unsigned>(day.day()));
}

std::string in(const std::string& folder, const std::string& name) {
  return folder + (folder.ends_with('/') ? "" : "/") + name;
}

}  // namespace

wire::NewCa make_authority(const AuthorityWish& wish, WallTime now) {
  wire::CaParameters parameters;
  parameters.label = wish.label.empty() ? day_of(now) : wish.label;
  parameters.hosts = wish.hosts;
  parameters.not_before = {now.since_epoch - std::chrono::hours(1)};
  parameters.not_after = {now.since_epoch + std::chrono::days(wish.days)};
  parameters.serial = crypto::random_bytes(crypto::system_random(), 16);
  auto made = wire::make_ca(parameters);
  if (!made) throw std::runtime_error(std::string(wire::to_string(made.error())));
  return std::move(made).value();
}

std::string make_ca_files(const MakeCaRequest& request, WallTime now) {
  host::UserId owner{static_cast<unsigned>(-1), static_cast<unsigned>(-1)};
  if (!request.owner.empty()) owner = host::resolve_user(request.owner);
  const std::string certificate_path = in(request.folder, "ca.pem");
  const std::string key_path =
      in(request.key_folder.empty() ? request.folder : request.key_folder, "ca.key");

  const wire::NewCa made = make_authority(request.authority, now);

  // The certificate first: where it cannot be written, no key lies around without one.
  host::write_new(certificate_path, made.certificate_pem, 0644, static_cast<uid_t>(-1),
                  static_cast<gid_t>(-1));
  try {
    host::write_new(key_path, made.key_pem.reveal(), 0600, owner.uid, owner.gid);
  } catch (...) {
    ::unlink(certificate_path.c_str());
    throw;
  }
  return "certificate " + certificate_path + "\nkey         " + key_path + "\nsha256      " +
         crypto::hex_encode(crypto::sha256(made.certificate_der)) + "\n";
}

}  // namespace veilwire::signer
