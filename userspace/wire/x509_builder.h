// The X.509 structures that our certificates are made of, built field by field: no extension is
// ever written as OpenSSL's configuration text, where a comma in a name would become another name.
// For leaf_cert.cpp alone.
#pragma once

#include "userspace/base/time.h"

#include <span>
#include <string>
#include <string_view>

struct X509_name_st;
struct asn1_string_st;
struct evp_pkey_st;
struct x509_st;

namespace veilwire::wire::x509 {

// All of these answer false when a value has no place in a certificate, and stop the process when
// memory is out.
bool set_serial(x509_st* certificate, std::string_view octets);
bool set_validity(x509_st* certificate, WallTime not_before, WallTime not_after);
void add_name_part(X509_name_st* name, const char* field, std::string_view value);

void add_basic_constraints(x509_st* certificate);  // CA, path length 0, critical
enum class Usage { SignCertificates, SignHandshakes };
void add_key_usage(x509_st* certificate, Usage usage);  // critical
void add_server_auth(x509_st* certificate);
// RFC 7093, 2, method 1: 160 bits of SHA-256 over the key; of the certificate's own key.
std::string key_identifier(x509_st* certificate);
void add_subject_key_identifier(x509_st* certificate, std::string_view identifier);
void add_authority_key_identifier(x509_st* certificate, std::string_view identifier);
void add_dns_name(x509_st* certificate, std::string_view name);
// Permitted DNS subtrees and no IP address at all, critical.
void add_name_constraints(x509_st* certificate, std::span<const std::string> permitted);

std::string to_der(x509_st* certificate);
// Clamped to what WallTime can say.
WallTime to_wall_time(const asn1_string_st* time);

}  // namespace veilwire::wire::x509
