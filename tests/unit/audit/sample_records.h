// One record of every kind, with all members set, for the tests of everything that reads records.
#pragma once

#include "userspace/audit/record.h"

#include <vector>

namespace veilwire::audit {

inline Record sample(Body body, std::uint64_t exchange = 1) {
  using std::chrono::nanoseconds;
  return {.context = {.host = "3f6c1d0e",
                      .boot = "b00t",
                      .session = "00c0ffee00c0ffee",
                      .exchange = exchange},
          .time = {.mono = {nanoseconds(5'000'001'000)},
                   .wall = {nanoseconds(1'795'456'800'123'456'789)}},
          .body = std::move(body)};
}

inline identity::Peer sample_peer() {
  return {.uid = 1000,
          .gid = 1001,
          .loginuid = 1000,
          .audit_session = 7,
          .tgid = 4321,
          .start_boottime_ns = 18446744073709551615U,
          .cgroup_id = 9007199254740993U,
          .netns_cookie = 1,
          .exe_device = 64769,
          .exe_inode = 18446744073709551615U,
          .exe_generation = 3,
          .comm = "HTTP Client"};
}

inline identity::Person sample_person() {
  identity::Person person;
  person.issuer = "local";
  person.subject = "1000";
  person.name = "Ada Lovelace";
  person.groups = {"engineering", "on call"};
  person.person_class = identity::PersonClass::Human;
  person.method = "local";
  person.confirmed_at = {std::chrono::nanoseconds(2'500'001'000)};
  return person;
}

// Through an IdP that does not answer, in a container.
inline identity::Person sample_derived() {
  identity::Person person = sample_person();
  person.issuer = "https://idp.example";
  person.method = "pkce";
  person.person_class = identity::PersonClass::Derived;
  person.running_as = "root";
  person.inside_uid = 0;
  person.standing = identity::Standing::Cached;
  person.confirmed_at = {std::chrono::nanoseconds(-300'000'000'000)};
  return person;
}

inline std::vector<Record> sample_records() {
  const MaskedSpan mask{.rule = "aws-access-key-id",
                        .category = "secret",
                        .offset = 12,
                        .length = 20,
                        .digest = "0011223344556677",
                        .action = "mask",
                        .released_length = 26};
  MaskedSpan observed = mask;
  observed.action = "observed";
  observed.would = "mask";
  return {
      sample(SessionOpen{.peer = sample_peer(),
                         .destination = "203.0.113.7:443",
                         .server_name = "api.anthropic.com",
                         .handling = "intercepted",
                         .tls = "TLSv1.3"},
             0),
      sample(RequestHead{.person = sample_person(),
                         .service = "anthropic",
                         .method = "POST",
                         .target = "/v1/messages?beta=true",
                         .fields = {{"host", "api.anthropic.com"}, {"x-api-key", "digest:00"}},
                         .model = "claude-x",
                         .mcp_method = "tools/call",
                         .tool = "search",
                         .policy_digest = "ab12"}),
      sample(RequestBody{.offset = 0, .content = R"({"model":"claude-x"})", .masks = {}}),
      sample(IdentityChange{.what = "lost",
                            .reason = "the session of Ada Lovelace has been revoked",
                            .answer = "error event",
                            .person = sample_derived()}),
      sample(ResponseHead{.status = 200, .fields = {{"content-type", "text/event-stream"}}}),
      sample(ResponseFragment{
          .offset = 6, .content = "data: [masked:aws-access-key-id]\n\n", .masks = {mask}}),
      sample(Blocked{.direction = "response",
                     .rule = "private-key",
                     .category = "secret",
                     .digest = "8899aabbccddeeff",
                     .answer = "stream ended"}),
      sample(UpstreamError{.reason = "certificate has expired"}),
      sample(Gap{.reason = "unknown coding",
                 .detail = "content-encoding: lzma",
                 .action = "pass",
                 .bytes = 1234}),
      sample(ExchangeClose{
          .outcome = "complete", .request_bytes = 20, .response_bytes = 4000, .masked = 1}),
      sample(SessionClose{.reason = "client closed", .from_client = 300, .from_upstream = 5000}, 0),
      sample(ConfigChange{.what = "policy",
                          .file = "/etc/veilwire/policy.toml",
                          .digest = "cd34",
                          .outcome = "active"},
             0),
      sample(Checkpoint{.note = "veilwire/3f6c1d0e\n0\n\n\u2014 veilwire/3f6c1d0e AAAA\n"}, 0),
      sample(CheckpointKey{.verifier = "veilwire/3f6c1d0e+00000000+AAAA",
                           .note = "key\n\n\u2014 veilwire/3f6c1d0e AAAA\n"},
             0),
      sample(OriginalKey{.key_id = "00ff",
                         .recipients = {{"CN=Anna", "CN=Auditors", "01", "a1b2"},
                                        {"CN=Ben", "CN=Ben", "02", "b2c3"}},
                         .cms = "0\x82 CMS"},
             0),
      sample(OriginalChunk{.direction = "request",
                           .key_id = "00ff",
                           .head = "aa11",
                           .index = 3,
                           .last = true,
                           .content = "even where it could be read"}),
      sample(Retention{.through = 1000, .records = 998, .root = "AAAA"}, 0),
      sample(RequestHead{.person = sample_person(),
                         .service = "anthropic",
                         .method = "POST",
                         .target = "/v1/messages?beta=true",
                         .fields = {{"host", "api.anthropic.com"}},
                         .model = "claude-x",
                         .mcp_method = "tools/call",
                         .tool = "search",
                         .policy_digest = "ab12",
                         .mode = "observe"}),
      sample(ResponseFragment{
          .offset = 6, .content = "data: [masked:aws-access-key-id]\n\n", .masks = {observed}}),
      sample(Gap{.reason = "unknown coding",
                 .detail = "content-encoding: lzma",
                 .action = "pass",
                 .bytes = 1234,
                 .would = "block"}),
      sample(Observed{.direction = "response",
                      .outcome = "blocked",
                      .rule = "private-key",
                      .category = "secret",
                      .digest = "8899aabbccddeeff",
                      .reason = "the answer holds data that policy does not let through",
                      .answer = "stream ended"}),
      sample(ExchangeClose{.outcome = "complete",
                           .request_bytes = 20,
                           .response_bytes = 4000,
                           .masked = 0,
                           .observed = 2}),
      sample(ConfigChange{.what = "policy",
                          .file = "/etc/veilwire/policy.toml",
                          .digest = "cd34",
                          .outcome = "active",
                          .mode = "observe in part"},
             0),
  };
}

}  // namespace veilwire::audit
