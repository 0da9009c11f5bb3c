// An authority and certificates of it, valid today, as files: for receivers that are other
// programs, and for hosts that show one to them.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sys/stat.h>

namespace veilwire::forwarder::testing {

struct Folder {
  Folder() {
    char name[] = "/tmp/veilwire-sinks-XXXXXX";
    if (::mkdtemp(name) == nullptr) throw std::runtime_error("no folder in /tmp");
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string operator/(const std::string& name) const { return path + "/" + name; }
  // Takes the place of an older one at once, as who renews a file does.
  std::string write(const std::string& name, std::string_view bytes, mode_t mode = 0600) const {
    const std::string fresh = *this / (name + ".new");
    std::ofstream(fresh, std::ios::binary) << bytes;
    ::chmod(fresh.c_str(), mode);
    std::filesystem::rename(fresh, *this / name);
    return *this / name;
  }
  std::string path;
};

class Authority {
 public:
  Authority() {
    openssl("req -x509 " + kKey + " -days 30 -subj '/O=veilwire tests/CN=sinks' -keyout " +
            folder / "ca.key" + " -out " + ca() +
            " -addext basicConstraints=critical,CA:TRUE"
            " -addext keyUsage=critical,keyCertSign,cRLSign");
  }
  std::string ca() const { return folder / "ca.pem"; }
  // NAME.pem and NAME.key, for either side of a connection.
  void make_leaf(const std::string& name) const {
    folder.write(name + ".ext",
                 "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
                 "extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:" +
                     name + "\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n");
    openssl("req " + kKey + " -subj /CN=" + name + " -keyout " + key(name) + " -out " +
            folder / (name + ".csr"));
    openssl("x509 -req -in " + folder / (name + ".csr") + " -CA " + ca() + " -CAkey " +
            folder / "ca.key" + " -days 2 -sha256 -extfile " + folder / (name + ".ext") + " -out " +
            certificate(name));
  }
  std::string certificate(const std::string& name) const { return folder / (name + ".pem"); }
  std::string key(const std::string& name) const { return folder / (name + ".key"); }

  Folder folder;

 private:
  inline static const std::string kKey = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
  static void openssl(const std::string& arguments) {
    // NOLINTNEXTLINE(cert-env33-c): arguments are ours
    if (std::system(("openssl " + arguments + " 2>/dev/null").c_str()) != 0)
      throw std::runtime_error("openssl " + arguments);
  }
};

// One for all tests of a program.
inline const Authority& authority() {
  static const Authority* const made = [] {
    static const Authority only;
    only.make_leaf("localhost");
    only.make_leaf("host-7");
    return &only;
  }();
  return *made;
}

}  // namespace veilwire::forwarder::testing
