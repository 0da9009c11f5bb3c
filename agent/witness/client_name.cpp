#include "agent/witness/client_name.h"

#include <algorithm>
#include <memory>
#include <string_view>

#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace veilwire::witness {
namespace {

constexpr std::size_t kLongest = 253;  // of a DNS name (RFC 1035, 2.3.4)

std::string readable(const ASN1_STRING* text) {
  if (text == nullptr) return "";
  const std::string_view bytes(reinterpret_cast<const char*>(::ASN1_STRING_get0_data(text)),
                               static_cast<std::size_t>(::ASN1_STRING_length(text)));
  const bool good = bytes.size() <= kLongest && std::all_of(bytes.begin(), bytes.end(), [](char c) {
                      return c > ' ' && c < '\x7f';
                    });
  return good ? std::string(bytes) : "";
}

std::string lower(std::string name) {
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return name;
}

}  // namespace

std::string client_name(const x509_st* certificate) {
  const auto free_names = [](GENERAL_NAMES* names) { ::GENERAL_NAMES_free(names); };
  const std::unique_ptr<GENERAL_NAMES, decltype(free_names)> names(
      static_cast<GENERAL_NAMES*>(
          ::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      free_names);
  const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
  for (int i = 0; i < count; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) return lower(readable(name->d.dNSName));
  }
  const X509_NAME* subject = ::X509_get_subject_name(certificate);
  int last = -1;
  for (int at = -1; (at = ::X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;)
    last = at;
  if (last < 0) return "";
  return readable(::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(subject, last)));
}

}  // namespace veilwire::witness
