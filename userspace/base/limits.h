// Every bound on what a peer can make us hold or do, with the attack that it stops. Bytes unless
// named otherwise.
#pragma once

#include <chrono>
#include <cstddef>

namespace veilwire::limits {

// A ClientHello larger than this is a peer that fills memory before it has said who it wants.
// (Real ones are 0.3 to 2 kB; RFC 8446 allows 64 KiB of extensions in several records.)
inline constexpr std::size_t kClientHello = 64 * 1024;

// Head of a request or response, start line and fields together (slow-header and header-bomb
// attacks).
inline constexpr std::size_t kHttpHead = 64 * 1024;
inline constexpr std::size_t kHttpFields = 200;
// Trailers come after the decision has been made: less is allowed.
inline constexpr std::size_t kHttpTrailers = 8 * 1024;
// A chunk-size line with extensions (chunk extension flood, CVE-2023-39326).
inline constexpr std::size_t kChunkLine = 256;
// Interim 1xx responses before the final one (endless 100 Continue).
inline constexpr std::size_t kInterimResponses = 16;
// Requests that a client may send ahead of the answers (pipelining flood).
inline constexpr std::size_t kPipelined = 64;

// A request body is held whole until it has been scanned. api.anthropic.com takes 32 MB.
inline constexpr std::size_t kRequestBody = 48 * 1024 * 1024;
// Decompression bomb: kilobytes that decode to gigabytes. Text shrinks to a third or a twentieth,
// so that what decodes to a hundred times its size was made to (Envoy and Apache POI stop there
// too). A patient bomb keeps below the ratio and meets the bound on the whole.
inline constexpr std::size_t kDecodedBody = 128 * 1024 * 1024;
inline constexpr std::size_t kCodingRatio = 100;
inline constexpr std::size_t kDecodedAlways = 1024 * 1024;  // whatever the ratio
// The same inside of a document, which may hold thousands of them.
inline constexpr std::size_t kPackedText = 8 * 1024 * 1024;     // held until all of it is here
inline constexpr std::size_t kUnpackedText = 32 * 1024 * 1024;  // of all in one document
inline constexpr std::size_t kUnpackedAlways = 64 * 1024;
// A JSON response is held whole up to here so that a block can still be a clean 451; beyond, it
// streams.
inline constexpr std::size_t kHeldJsonResponse = 4 * 1024 * 1024;

// One server-sent event, all its lines (an event that never ends).
inline constexpr std::size_t kSseEvent = 8 * 1024 * 1024;
// Nesting of JSON values (stack or state growth by "[[[[").
inline constexpr std::size_t kJsonDepth = 256;
// A held, not yet released text of one stream. Rules above this length must be begin/end rules.
inline constexpr std::size_t kHeldText = 16 * 1024;
// Content blocks of one streamed message that are open at the same time, and texts in them (index
// flood): each may hold kHeldText. Real streams have one.
inline constexpr std::size_t kContentBlocks = 64;
// Events of a session that are previewed and have not come whole (the same). Those that a session
// gave up never do.
inline constexpr std::size_t kPreviews = 256;

// Bytes waiting for a peer that does not read; the other side's reading is paused above it.
inline constexpr std::size_t kPeerBacklog = 256 * 1024;

// Silence bounds.
inline constexpr std::chrono::seconds kClientHelloTime{10};
inline constexpr std::chrono::seconds kHandshakeTime{15};
inline constexpr std::chrono::seconds kDialTime{15};
inline constexpr std::chrono::seconds kIdleConnection{900};
// A whole head, and silence within a body. A body keeps up a rate as well: what drips would hold
// its room for as long as it likes (slow loris).
inline constexpr std::chrono::seconds kRequestHeadTime{60};
inline constexpr std::size_t kRequestRate = 1024;  // bytes a second
// From a request that has gone out to the head of its answer. Clients of models give up after ten
// minutes; a tool may work for longer before it says a word.
inline constexpr std::chrono::seconds kAnswerTime{3600};
// A peer whose machine is gone says nothing: it is asked after so much silence, so often, and given
// up when it has acknowledged nothing for so long.
inline constexpr std::chrono::seconds kKeepaliveIdle{60};
inline constexpr std::chrono::seconds kKeepaliveInterval{15};
inline constexpr std::chrono::seconds kUnacknowledged{300};
// How long what the masks of a conversation stand for is remembered after its last request.
inline constexpr std::chrono::hours kConversationIdle{24};

// After our last byte: how long what a client still sends is discarded before the connection goes.
inline constexpr std::chrono::seconds kLinger{3};

// Contents of one audit record; longer texts become several records.
inline constexpr std::size_t kRecordContent = 16 * 1024;
// Of a request, contents of one record but the last of a body, at least; kRecordContent more at
// most. Even if all of it is escapes it stays below audit::kRecordBytes.
inline constexpr std::size_t kRequestRecord = 64 * 1024;

// A token is decoded and its header parsed before anybody has vouched for it.
inline constexpr std::size_t kToken = 16 * 1024;
// JSON of tokens and key sets: nesting, and values in all ("[[[[", and memory of a hundred bytes
// for two of input).
inline constexpr std::size_t kTokenJsonDepth = 16;
inline constexpr std::size_t kTokenJsonValues = 10'000;
// One text of a token that goes into records: a subject, a group, a name.
inline constexpr std::size_t kTokenText = 1024;
inline constexpr std::size_t kTokenGroups = 1000;
// How far the clocks of an IdP and this host may be apart. What it allows beyond is reuse of what
// has expired.
inline constexpr std::chrono::seconds kClockSkew{60};
// A key set, with room for the certificates that some IdPs put in (an IdP, or who took its place,
// that makes us import keys without end).
inline constexpr std::size_t kKeySet = 256 * 1024;
inline constexpr std::size_t kKeySetKeys = 100;
inline constexpr std::size_t kKeyId = 256;
// A key set of an IdP may name any RSA key. The work to verify grows with the square of the modulus
// and with each bit of the exponent (CVE-2006-2940); real keys have 2048 to 4096 bits
// and 65537.
inline constexpr std::size_t kRsaModulusBits = 8192;
inline constexpr std::size_t kRsaExponent = 8;
// Heads of an IdP's answers: without end, they would fill the memory of who waits for one.
inline constexpr std::size_t kIdpHead = 32 * 1024;

// Cgroups around a process that are looked at to find its session: 5 to 10 in practice, but who may
// make one may make a chain of thousands.
inline constexpr std::size_t kCgroupDepth = 32;

// What an IdP, or who took its place, answers: discovery documents and tokens (a body without end).
// Real ones have 2 to 20 kB.
inline constexpr std::size_t kIdpAnswer = 64 * 1024;
inline constexpr std::size_t kIdpUrl = 2048;
// What an IdP says to a person or an operator: cut, or it would fill screens and records.
inline constexpr std::size_t kIdpText = 256;
inline constexpr std::size_t kUserCode = 32;
// Parameters of a callback, which any page that a browser shows can call.
inline constexpr std::size_t kCallback = 16 * 1024;
inline constexpr std::size_t kCallbackParameters = 32;
// Tokens with a kid that somebody made up would make us ask the IdP for its keys without end.
inline constexpr std::chrono::seconds kKeySetPause{30};
// How long a key set is good without asking again, whatever its Cache-Control says. At least: one
// of `max-age=0` would be asked for at every request. At most: what an IdP has withdrawn would go
// on to verify.
inline constexpr std::chrono::seconds kKeySetFreshLeast{300};
inline constexpr std::chrono::seconds kKeySetFreshMost{24 * 3600};
inline constexpr std::chrono::seconds kKeySetFreshUnstated{3600};
// How long it verifies while the IdP does not answer, since it came: who can keep us from the IdP
// must not keep a stolen key alive with that.
inline constexpr std::chrono::seconds kKeySetKept{24 * 3600};
// A lifetime that an IdP states for a token is believed up to here; a longer one is cut, which only
// makes us ask sooner.
inline constexpr std::chrono::seconds kTokenLifeMost{24 * 3600};
inline constexpr std::chrono::seconds kTokenLifeUnstated{300};
// A sign-in by device code: how long it may stay open, and how long the IdP may make us wait
// between polls.
inline constexpr std::chrono::seconds kDeviceFlowTime{1800};
inline constexpr std::chrono::seconds kDevicePollMost{120};
// Waits between tries at an IdP that fails. What Retry-After asks for is honoured up to the most.
inline constexpr std::chrono::seconds kIdpRetryLeast{1};
inline constexpr std::chrono::seconds kIdpRetryMost{300};
// An assertion that proves who we are: who sees one can be us for so long (RFC 7523, 3).
inline constexpr std::chrono::seconds kAssertionLife{60};

// Tokens of one poll for events, the answer that holds them, and names of one subject (a
// transmitter, or who took its place, that would have us verify and look up without end).
inline constexpr std::size_t kEventsOfPoll = 32;
inline constexpr std::size_t kEventAnswer = 1024 * 1024;
inline constexpr std::size_t kEventSubjects = 16;
// Ids that are remembered against events that come again. A forgotten one does nothing twice.
inline constexpr std::size_t kEventIds = 4096;
// Between polls, whatever they bring.
inline constexpr std::chrono::seconds kEventPollPause{1};
// How long a poll may take, and one that the transmitter may hold back: beyond, the connection may
// have died unseen, and events take effect within a minute.
inline constexpr std::chrono::seconds kEventPollTime{15};
inline constexpr std::chrono::seconds kEventPollHeld{45};
// How long an event waits for its key, while key sets are asked for again.
inline constexpr std::chrono::seconds kEventKeyTime{180};

// Sessions of one user of this host (who opens login after login and signs in at each, to leave no
// room to others) and of all. One more is refused: to make room by ending another would let one
// user sign out the rest.
inline constexpr std::size_t kSessionsOfUser = 64;
inline constexpr std::size_t kSessions = 4096;
// One session with its sealed tokens, and all of them (an IdP that writes tokens of megabytes).
// Real ones have 2 to 8 kB.
inline constexpr std::size_t kSession = 64 * 1024;
inline constexpr std::size_t kSessionsBytes = 64 * 1024 * 1024;
// Revocations that are remembered against tokens still on their way (an IdP, or who took its place,
// that sends events without end), and changes that caches can catch up on; who is further behind
// starts anew.
inline constexpr std::size_t kRevocations = 4096;
inline constexpr std::size_t kSessionChanges = 1024;

// A response of a SAML IdP, in base64: any page that a browser shows can post one to the loopback
// address. Real ones have 4 to 20 kB. What the XML in it may hold is bounded by elements and depth
// ("<a><a><a>" is one tree node for three bytes, and recursion for whoever walks it).
inline constexpr std::size_t kSamlResponse = 96 * 1024;
inline constexpr std::size_t kSamlElements = 4096;
inline constexpr std::size_t kSamlDepth = 24;
// Attributes of one assertion, and their values in all: what leaves the parser.
inline constexpr std::size_t kSamlAttributes = 64;
inline constexpr std::size_t kSamlValues = 1024;
// RelayState: 80 bytes is what IdPs must keep (SAML 2.0 bindings, 3.4.3).
inline constexpr std::size_t kSamlRelayState = 80;
// Sign-ins that wait for their response, of one user and of all, and for how long (a user who
// begins one after the other, or never comes back).
inline constexpr std::size_t kSamlRequestsOfUser = 16;
inline constexpr std::size_t kSamlRequests = 512;
inline constexpr std::chrono::minutes kSamlRequestLife{10};
// Assertions that are remembered so that none counts twice (an IdP, or who has its key, that signs
// without end).
inline constexpr std::size_t kSamlRemembered = 8192;
// An assertion that is good for longer than this is no answer to a sign-in of now, and would have
// to be remembered for as long.
inline constexpr std::chrono::seconds kSamlLifeMost{24 * 3600};

// A credential of the organisation, and its name: a file or a command without end. The longest
// tokens of clouds have 4 kB, and servers take heads of 8 or 16.
inline constexpr std::size_t kCredential = 8 * 1024;
inline constexpr std::size_t kCredentialName = 64;

}  // namespace veilwire::limits
