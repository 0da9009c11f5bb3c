#include "userspace/wire/x509_builder.h"

#include "userspace/crypto/hash.h"
#include "userspace/crypto/owned.h"

#include <chrono>
#include <cstdlib>
#include <ctime>

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace veilwire::wire::x509 {
namespace {

using crypto::Owned;

// What fails below is memory or OpenSSL itself: the values have been checked before.
void require(bool ok) {
  if (!ok) std::abort();
}

const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

void add(X509* certificate, int nid, void* value, bool critical) {
  require(X509_add1_ext_i2d(certificate, nid, value, critical ? 1 : 0, X509V3_ADD_DEFAULT) == 1);
}

void set(ASN1_STRING* string, std::string_view bytes) {
  require(ASN1_STRING_set(string, bytes.data(), static_cast<int>(bytes.size())) == 1);
}

// The caller owns the result.
GENERAL_NAME* dns_name(std::string_view name) {
  GENERAL_NAME* general = GENERAL_NAME_new();
  ASN1_IA5STRING* text = ASN1_IA5STRING_new();
  require(general != nullptr && text != nullptr);
  set(text, name);
  GENERAL_NAME_set0_value(general, GEN_DNS, text);
  return general;
}

// address and mask of a subtree, in octets.
GENERAL_NAME* every_address(std::size_t octet_count) {
  GENERAL_NAME* general = GENERAL_NAME_new();
  ASN1_OCTET_STRING* text = ASN1_OCTET_STRING_new();
  require(general != nullptr && text != nullptr);
  set(text, std::string(octet_count * 2, '\0'));
  GENERAL_NAME_set0_value(general, GEN_IPADD, text);
  return general;
}

void add_subtree(STACK_OF(GENERAL_SUBTREE) * subtrees, GENERAL_NAME* base) {
  GENERAL_SUBTREE* subtree = GENERAL_SUBTREE_new();
  require(subtree != nullptr);
  GENERAL_NAME_free(subtree->base);
  subtree->base = base;
  require(sk_GENERAL_SUBTREE_push(subtrees, subtree) > 0);
}

bool set_time(ASN1_TIME* field, WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time.since_epoch).count();
  return ASN1_TIME_set(field, static_cast<std::time_t>(seconds)) != nullptr;
}

}  // namespace

bool set_serial(X509* certificate, std::string_view bytes) {
  if (bytes.size() < 8 || bytes.size() > 19) return false;
  const Owned<BIGNUM, BN_free> number(
      BN_bin2bn(octets(bytes), static_cast<int>(bytes.size()), nullptr));
  require(number != nullptr);
  if (BN_is_zero(number.get())) return false;
  return BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_validity(X509* certificate, WallTime not_before, WallTime not_after) {
  return not_before < not_after && set_time(X509_getm_notBefore(certificate), not_before) &&
         set_time(X509_getm_notAfter(certificate), not_after);
}

void add_name_part(X509_NAME* name, const char* field, std::string_view value) {
  require(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, octets(value),
                                     static_cast<int>(value.size()), -1, 0) == 1);
}

void add_basic_constraints(X509* certificate) {
  const Owned<BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free> value(BASIC_CONSTRAINTS_new());
  require(value != nullptr);
  value->ca = 1;
  value->pathlen = ASN1_INTEGER_new();
  require(value->pathlen != nullptr && ASN1_INTEGER_set(value->pathlen, 0) == 1);
  add(certificate, NID_basic_constraints, value.get(), true);
}

void add_key_usage(X509* certificate, Usage usage) {
  constexpr int kDigitalSignature = 0, kKeyCertSign = 5, kCrlSign = 6;  // RFC 5280, 4.2.1.3
  const Owned<ASN1_BIT_STRING, ASN1_BIT_STRING_free> bits(ASN1_BIT_STRING_new());
  require(bits != nullptr);
  if (usage == Usage::SignCertificates) {
    require(ASN1_BIT_STRING_set_bit(bits.get(), kKeyCertSign, 1) == 1);
    require(ASN1_BIT_STRING_set_bit(bits.get(), kCrlSign, 1) == 1);
  } else {
    require(ASN1_BIT_STRING_set_bit(bits.get(), kDigitalSignature, 1) == 1);
  }
  add(certificate, NID_key_usage, bits.get(), true);
}

void add_server_auth(X509* certificate) {
  const Owned<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free> usages(EXTENDED_KEY_USAGE_new());
  require(usages != nullptr);
  require(sk_ASN1_OBJECT_push(usages.get(), OBJ_nid2obj(NID_server_auth)) > 0);
  add(certificate, NID_ext_key_usage, usages.get(), false);
}

std::string key_identifier(X509* certificate) {
  const ASN1_BIT_STRING* key = X509_get0_pubkey_bitstr(certificate);
  require(key != nullptr);
  const std::string_view bytes(reinterpret_cast<const char*>(ASN1_STRING_get0_data(key)),
                               static_cast<std::size_t>(ASN1_STRING_length(key)));
  const crypto::Digest digest = crypto::sha256(bytes);
  return std::string(crypto::as_bytes(digest).substr(0, 20));
}

void add_subject_key_identifier(X509* certificate, std::string_view identifier) {
  const Owned<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> value(ASN1_OCTET_STRING_new());
  require(value != nullptr);
  set(value.get(), identifier);
  add(certificate, NID_subject_key_identifier, value.get(), false);
}

void add_authority_key_identifier(X509* certificate, std::string_view identifier) {
  const Owned<AUTHORITY_KEYID, AUTHORITY_KEYID_free> value(AUTHORITY_KEYID_new());
  require(value != nullptr);
  value->keyid = ASN1_OCTET_STRING_new();
  require(value->keyid != nullptr);
  set(value->keyid, identifier);
  add(certificate, NID_authority_key_identifier, value.get(), false);
}

void add_dns_name(X509* certificate, std::string_view name) {
  const Owned<GENERAL_NAMES, GENERAL_NAMES_free> names(GENERAL_NAMES_new());
  require(names != nullptr && sk_GENERAL_NAME_push(names.get(), dns_name(name)) > 0);
  add(certificate, NID_subject_alt_name, names.get(), false);
}

void add_name_constraints(X509* certificate, std::span<const std::string> permitted) {
  const Owned<NAME_CONSTRAINTS, NAME_CONSTRAINTS_free> value(NAME_CONSTRAINTS_new());
  require(value != nullptr);
  value->permittedSubtrees = sk_GENERAL_SUBTREE_new_null();
  value->excludedSubtrees = sk_GENERAL_SUBTREE_new_null();
  require(value->permittedSubtrees != nullptr && value->excludedSubtrees != nullptr);
  for (const std::string& name : permitted) add_subtree(value->permittedSubtrees, dns_name(name));
  add_subtree(value->excludedSubtrees, every_address(4));
  add_subtree(value->excludedSubtrees, every_address(16));
  add(certificate, NID_name_constraints, value.get(), true);
}

std::string to_der(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  require(size > 0);
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

WallTime to_wall_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  using namespace std::chrono;
  // Nanoseconds end in 2262; "no end" is written as the year 9999 (RFC 5280, 4.1.2.5).
  if (parts.tm_year + 1900 >= 2262) return {nanoseconds::max()};
  if (parts.tm_year + 1900 < 1678) return {nanoseconds::min()};
  const sys_days day = year(parts.tm_year + 1900) / month(static_cast<unsigned>(parts.tm_mon + 1)) /
                       std::chrono::day(static_cast<unsigned>(parts.tm_mday));
  return {day.time_since_epoch() + hours(parts.tm_hour) + minutes(parts.tm_min) +
          seconds(parts.tm_sec)};
}

}  // namespace veilwire::wire::x509
