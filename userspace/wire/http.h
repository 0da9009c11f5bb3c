// The head of an HTTP/1 message as a value: the bytes as they came, and where each part of them
// lies. A head is never re-serialised. It is edited by byte range, so that order, case and spacing
// of what nobody changes survive.
//
// Tested by tests/unit/wire/http_test.cpp.
#pragma once

#include "userspace/base/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace veilwire::wire {

// Every way in which HTTP/1 bytes can be refused.
enum class HttpError {
  HeadTooLarge,       // start line and fields together are over limits::kHttpHead
  TooManyFields,      // more field lines than limits::kHttpFields
  BareLf,             // a line that ends in LF without CR: recipients differ on where it ends
  BareCr,             // CR without LF: some recipients take it for the end of a line
  ControlByte,        // NUL or another control byte in a head
  BadMethod,          // not a token, or no method at all
  BadTarget,          // not one of the four forms, or a byte that no URI holds
  BadVersion,         // the start line does not name HTTP/1.0 or HTTP/1.1
  BadStatus,          // not three digits from 100 up, or no space behind them
  ObsFold,            // a line that begins with white space: for some it continues the last field
  MissingColon,       // a field line without colon
  BadFieldName,       // empty, or a byte that no token holds
  SpaceBeforeColon,   // "Name : value": read as another name by some (RFC 9112, 5.1)
  BadFieldValue,      // a value that we were asked to write holds a control byte
  LengthAndCoding,    // Content-Length beside Transfer-Encoding
  RepeatedLength,     // more than one Content-Length, equal or not, "5, 5" included
  BadLength,          // Content-Length is not decimal digits alone
  LengthOverflow,     // Content-Length does not fit in 63 bits
  BadTransferCoding,  // anything but exactly one `chunked`
  CodingInHttp10,     // HTTP/1.0 has no transfer codings: old recipients read past the end
  BodyNotAllowed,     // 1xx, 204, CONNECT: framing fields where no body can be
  BadConnection,      // Connection names what is no token: recipients differ on it
  MissingHost,        // HTTP/1.1 request without Host
  RepeatedHost,       // more than one Host
  BadHost,            // Host is not host[:port], or is empty
  AuthorityMismatch,  // the target names another authority than Host
  UnexpectedUpgrade,  // 101 without a request that asked for it
  UnexpectedAnswer,   // response bytes while no request is open (response splitting)
  TooManyInterim,     // more than limits::kInterimResponses before the final response
  BadChunkSize,       // not hexadecimal digits, or white space after them
  ChunkSizeOverflow,  // the size does not fit in 63 bits
  BadChunkExtension,  // not what RFC 9112, 7.1.1 allows
  ChunkLineTooLong,   // size and extensions are over limits::kChunkLine
  BadChunkEnd,        // chunk data is not followed by CRLF
  TrailersTooLarge,   // over limits::kHttpTrailers
  ForbiddenTrailer,   // a trailer that would frame, route or describe (RFC 9110, 6.5.1)
  EndedEarly,         // the connection ended in the middle of a message, or before an expected one
};
std::string_view to_string(HttpError error);

// offset: of the byte that made it an error; in the head for functions on a head, in the stream for
// readers.
struct HttpFault {
  HttpError error{};
  std::uint64_t offset = 0;
  friend bool operator==(const HttpFault&, const HttpFault&) = default;
};

// A range of bytes of the text that it belongs to. 32 bits suffice: every such text has a smaller
// limit.
struct Span {
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
  std::string_view in(std::string_view text) const { return text.substr(offset, size); }
  friend bool operator==(const Span&, const Span&) = default;
};

struct Field {
  Span line;   // all of it, CRLF included
  Span name;   // as spelled
  Span value;  // without the white space around it
  friend bool operator==(const Field&, const Field&) = default;
};

// Field lines in the order they came. Also what trailers are.
struct FieldSection {
  std::string raw;  // everything up to and including the empty line
  std::vector<Field> fields;

  std::string_view name(const Field& field) const { return field.name.in(raw); }
  std::string_view value(const Field& field) const { return field.value.in(raw); }

  // Names compare without regard to case.
  std::size_t count(std::string_view name) const;
  bool has(std::string_view name) const { return count(name) != 0; }
  // The first field of that name.
  const Field* find(std::string_view name) const;
  // The value of the only field of that name; nothing where there is none or several.
  std::optional<std::string_view> sole_value(std::string_view name) const;
  std::vector<std::string_view> values(std::string_view name) const;
  // Members of a comma-separated list over all fields of that name, in order, white space around
  // them removed, empty ones left out (RFC 9110, 5.6.1). Commas inside quoted strings do not
  // separate.
  std::vector<std::string_view> list(std::string_view name) const;
  // Whether list(name) has the token, without regard to case.
  bool lists(std::string_view name, std::string_view token) const;
};

struct RequestHead : FieldSection {
  Span method_span;
  Span target_span;
  int minor_version = 1;

  std::string_view method() const { return method_span.in(raw); }
  std::string_view target() const { return target_span.in(raw); }
};

struct ResponseHead : FieldSection {
  int status = 0;
  Span reason_span;
  int minor_version = 1;

  std::string_view reason() const { return reason_span.in(raw); }
};

// Edits. Every byte outside the edited range stays, and all spans are right afterwards.

// Removes all field lines of that name; says how many.
std::size_t remove_fields(FieldSection& section, std::string_view name);
// Removes fields[index].
void remove_field(FieldSection& section, std::size_t index);
// Replaces a part of the start line; the caller has seen to it that it may stand there.
void replace_target(RequestHead& head, std::string_view target);
void replace_reason(ResponseHead& head, std::string_view reason);
// Replaces the value of fields[index]; the white space around it stays. BadFieldValue where the
// value would not be one line; nothing has changed then.
Result<void, HttpError> replace_value(FieldSection& section, std::size_t index,
                                      std::string_view value);
// Adds "name: value" behind the last field line.
Result<void, HttpError> append_field(FieldSection& section, std::string_view name,
                                     std::string_view value);
// Makes that field occur once with that value: the first is replaced in place, further ones are
// removed, and where there is none it is added.
Result<void, HttpError> set_field(FieldSection& section, std::string_view name,
                                  std::string_view value);

// What Upgrade and the connection option of that name are: this proxy's own business, or the peers'
// still.
enum class UpgradeFields { Strip, Keep };
// Removes what concerns one connection only (RFC 9110, 7.6.1): fields that Connection names,
// Connection, Keep-Alive, TE, Transfer-Encoding, Proxy-*. Fields that frame, route or describe the
// message survive being named in Connection: otherwise a client could make us drop what we have
// judged by. With Keep, Upgrade stays and Connection says `Upgrade` alone. The caller writes the
// framing that it will send.
void strip_hop_by_hop(FieldSection& section, UpgradeFields upgrade = UpgradeFields::Strip);

// A head of our own making: status line, the fields in that order, empty line. The caller adds
// framing. The names and values are its own, not a peer's: an unfit one gives BadFieldName or
// BadFieldValue.
Result<ResponseHead, HttpError> make_response_head(
    int status, std::string_view reason,
    const std::vector<std::pair<std::string_view, std::string_view>>& fields);

// Character classes of RFC 9110, 5.5 and 5.6.2.
bool is_token(std::string_view text);
bool is_field_value(std::string_view text);
std::string_view trim_blanks(std::string_view text);  // SP and HTAB on both sides

}  // namespace veilwire::wire
