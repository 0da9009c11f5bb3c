#include "userspace/masking/shape.h"

#include <algorithm>
#include <utility>

namespace veilwire::masking {
namespace {

using Kind = Expression::Kind;

// More alternatives than this make the automaton large and say little; shorter literals are hit by
// every text.
constexpr std::size_t kMaxLiterals = 64;
constexpr std::size_t kMaxUnshortened = 1024;
// Where all are of at least this length, they are kept: of a list of names a text holds few.
constexpr std::size_t kNameLength = 4;
constexpr std::size_t kMaxLiteralLength = 16;
constexpr std::size_t kUsefulLength = 2;
constexpr std::size_t kContextLength = 3;
// A class of up to this many bytes is spelled out.
constexpr std::size_t kMaxClass = 16;
// A context of up to this many bytes may stand before the literal.
constexpr std::uint64_t kMaxBefore = 8;

std::uint32_t count_captures(const Expression& e) {
  std::uint32_t n = e.kind == Kind::Capture ? 1 : 0;
  for (const Expression& part : e.parts) n += count_captures(part);
  return n;
}

// Matches the empty text wherever it stands: no assertion on the way.
bool may_be_empty(const Expression& e) {
  auto all = [&] { return std::all_of(e.parts.begin(), e.parts.end(), may_be_empty); };
  auto any = [&] { return std::any_of(e.parts.begin(), e.parts.end(), may_be_empty); };
  switch (e.kind) {
    case Kind::Empty:
      return true;
    case Kind::Bytes:
    case Kind::Assert:
      return false;
    case Kind::Concat:
    case Kind::Capture:
      return all();
    case Kind::Alternate:
      return any();
    case Kind::Repeat:
      return e.min == 0 || all();
  }
  return false;
}

// ---- literals

struct Prefix {
  Literal literal;
  bool complete = true;  // the literal is all of what was read so far: more may be appended
};
using Prefixes = std::vector<Prefix>;

Prefixes nothing_known() { return {Prefix{{}, false}}; }
Prefixes nothing_read() { return {Prefix{{}, true}}; }

// Heads for each alternative of one byte.
Prefixes of_bytes(const ByteSet& set) {
  Prefixes out;
  ByteSet left = set;
  for (unsigned b = 0; b < 256; ++b) {
    if (!left[b]) continue;
    const unsigned other = b ^ 0x20U;
    const bool letter = b >= 'A' && b <= 'Z';
    const bool folds = letter && left[other];
    if (folds) left.reset(other);
    out.push_back(
        Prefix{Literal{std::string(1, static_cast<char>(folds ? other : b)), {folds}}, true});
    if (out.size() > kMaxClass) return nothing_known();
  }
  return out.empty() ? nothing_known() : out;
}

bool any_complete(const Prefixes& all) {
  return std::any_of(all.begin(), all.end(), [](const Prefix& p) { return p.complete; });
}

void close_all(Prefixes& all) {
  for (Prefix& p : all) p.complete = false;
}

bool begins_with(const Literal& longer, const Literal& shorter) {
  if (shorter.bytes.size() > longer.bytes.size()) return false;
  for (std::size_t i = 0; i < shorter.bytes.size(); ++i) {
    if (shorter.bytes[i] != longer.bytes[i] || shorter.folds[i] != longer.folds[i]) return false;
  }
  return true;
}

bool useful(const Prefixes& all, std::size_t length) {
  return std::all_of(all.begin(), all.end(),
                     [&](const Prefix& p) { return p.literal.bytes.size() >= length; });
}

// Shortens them until they are few enough: what is shorter announces as much and more.
bool shorten(Prefixes& all) {
  if (useful(all, kNameLength)) return true;
  for (std::size_t length = kMaxLiteralLength; all.size() > kMaxLiterals; --length) {
    if (length < kUsefulLength) return false;
    Prefixes out;
    for (Prefix& p : all) {
      if (p.literal.bytes.size() > length) {
        p.literal.bytes.resize(length);
        p.literal.folds.resize(length);
        p.complete = false;
      }
      const auto covers = [&](const Prefix& o) {
        return !o.complete && begins_with(p.literal, o.literal);
      };
      if (std::none_of(out.begin(), out.end(), covers)) out.push_back(std::move(p));
    }
    all = std::move(out);
  }
  return true;
}

// Appends `next` to all that are complete; where that becomes too much, stops there instead.
void append(Prefixes& all, const Prefixes& next) {
  std::size_t size = 0;
  for (const Prefix& p : all) size += p.complete ? next.size() : 1;
  if (size > std::max(kMaxLiterals, next.size())) return close_all(all);
  Prefixes out;
  for (Prefix& p : all) {
    if (!p.complete) {
      out.push_back(std::move(p));
      continue;
    }
    for (const Prefix& n : next) {
      Prefix joined = p;
      joined.literal.bytes += n.literal.bytes;
      joined.literal.folds.insert(joined.literal.folds.end(), n.literal.folds.begin(),
                                  n.literal.folds.end());
      joined.complete = n.complete;
      if (joined.literal.bytes.size() > kMaxLiteralLength) {
        joined.literal.bytes.resize(kMaxLiteralLength);
        joined.literal.folds.resize(kMaxLiteralLength);
        joined.complete = false;
      }
      out.push_back(std::move(joined));
    }
  }
  all = std::move(out);
}

Prefixes prefixes(const Expression& e);

Prefixes of_sequence(const Expression* first, const Expression* last) {
  Prefixes out = nothing_read();
  for (; first != last && any_complete(out); ++first) append(out, prefixes(*first));
  return out;
}

Prefixes of_repeat(const Expression& e) {
  const Prefixes body = prefixes(e.parts[0]);
  Prefixes out = nothing_read();
  for (std::uint32_t i = 0; i < e.min && any_complete(out); ++i) append(out, body);
  if (e.max == e.min) return out;
  if (e.min == 0) {
    // Nothing, or the body and whatever follows it.
    Prefixes once = body;
    if (e.max != 1) close_all(once);
    if (once.size() + 1 > kMaxLiterals) return nothing_known();
    once.push_back(Prefix{});
    return once;
  }
  close_all(out);
  return out;
}

Prefixes prefixes(const Expression& e) {
  switch (e.kind) {
    case Kind::Empty:
    case Kind::Assert:
      return nothing_read();
    case Kind::Bytes:
      return of_bytes(e.bytes);
    case Kind::Concat:
      return of_sequence(e.parts.data(), e.parts.data() + e.parts.size());
    case Kind::Capture:
      return prefixes(e.parts[0]);
    case Kind::Repeat:
      return of_repeat(e);
    case Kind::Alternate: {
      Prefixes out;
      for (const Expression& part : e.parts) {
        for (Prefix& p : prefixes(part)) out.push_back(std::move(p));
        if (out.size() > kMaxUnshortened) return nothing_known();
      }
      if (!shorten(out)) return nothing_known();
      return out;
    }
  }
  return nothing_known();
}

// A literal that begins with another one announces nothing that the other does not.
std::vector<Literal> distinct(const Prefixes& all) {
  std::vector<Literal> out;
  for (const Prefix& p : all) {
    const Literal& l = p.literal;
    if (std::any_of(out.begin(), out.end(), [&](const Literal& o) { return begins_with(l, o); }))
      continue;
    std::erase_if(out, [&](const Literal& o) { return begins_with(o, l); });
    out.push_back(l);
  }
  return out;
}

void spell(const Expression& e, std::string& out) {
  out += static_cast<char>('0' + static_cast<int>(e.kind));
  if (e.kind == Kind::Bytes) out += e.bytes.to_string();
  if (e.kind == Kind::Assert) out += static_cast<char>('0' + static_cast<int>(e.assertion));
  if (e.kind == Kind::Repeat) out += std::to_string(e.min) + ',' + std::to_string(e.max);
  out += '(';
  for (const Expression& part : e.parts) spell(part, out);
  out += ')';
}

// Looks for literals that begin within parts[0, limit), skipping a short context where it must.
bool find_literals(Shape& shape, const std::vector<Expression>& parts, std::size_t limit,
                   std::size_t length) {
  std::uint64_t before_min = 0, before_max = 0;
  for (std::size_t skip = 0; skip < limit; ++skip) {
    const Prefixes found = of_sequence(parts.data() + skip, parts.data() + limit);
    if (useful(found, length)) {
      shape.literals = distinct(found);
      shape.before_min = static_cast<std::uint32_t>(before_min);
      shape.before_max = static_cast<std::uint32_t>(before_max);
      shape.skipped = skip;
      for (std::size_t i = 0; i < skip; ++i) spell(parts[i], shape.before);
      return true;
    }
    // Only context may be skipped: what stands before a literal inside the secret would have to be
    // held unseen.
    if (skip >= shape.context.size()) break;
    const auto longest = max_length(parts[skip]);
    if (!longest || before_max + *longest > kMaxBefore) break;
    before_max += *longest;
    before_min += min_length(parts[skip]);
  }
  return false;
}

// Of the context from this part on, where all texts of it are as long and the secret follows.
std::optional<std::uint32_t> length_to_secret(const Shape& shape, std::size_t first) {
  if (shape.rest.empty()) return std::nullopt;
  if (shape.captures != 0 && shape.rest.front().kind != Kind::Capture) return std::nullopt;
  std::uint64_t length = 0;
  for (std::size_t i = first; i < shape.context.size(); ++i) {
    const std::uint64_t shortest = min_length(shape.context[i]);
    if (max_length(shape.context[i]) != shortest) return std::nullopt;
    length += shortest;
  }
  return static_cast<std::uint32_t>(length);
}

void find_literals(Shape& shape) {
  std::vector<Expression> parts = shape.context;
  parts.insert(parts.end(), shape.rest.begin(), shape.rest.end());
  // A literal of the context is not secret: text that ends inside it need not be held.
  if (find_literals(shape, parts, shape.context.size(), kContextLength)) return;
  shape.leads_with_secret = find_literals(shape, parts, parts.size(), kUsefulLength);
  if (shape.leads_with_secret) shape.secret_at = length_to_secret(shape, shape.skipped);
}

}  // namespace

std::uint64_t min_length(const Expression& e) {
  std::uint64_t n = 0;
  switch (e.kind) {
    case Kind::Empty:
    case Kind::Assert:
      return 0;
    case Kind::Bytes:
      return 1;
    case Kind::Concat:
    case Kind::Capture:
      for (const Expression& part : e.parts) n += min_length(part);
      return n;
    case Kind::Repeat:
      return e.min * min_length(e.parts[0]);
    case Kind::Alternate:
      n = min_length(e.parts[0]);
      for (const Expression& part : e.parts) n = std::min(n, min_length(part));
      return n;
  }
  return 0;
}

std::optional<std::uint64_t> max_length(const Expression& e) {
  std::uint64_t n = 0;
  switch (e.kind) {
    case Kind::Empty:
    case Kind::Assert:
      return 0;
    case Kind::Bytes:
      return 1;
    case Kind::Concat:
    case Kind::Capture:
      for (const Expression& part : e.parts) {
        const auto m = max_length(part);
        if (!m) return std::nullopt;
        n += *m;
      }
      return n;
    case Kind::Repeat: {
      const auto m = max_length(e.parts[0]);
      if (m && *m == 0) return 0;
      if (!m || e.max == kUnbounded) return std::nullopt;
      return *m * e.max;
    }
    case Kind::Alternate:
      for (const Expression& part : e.parts) {
        const auto m = max_length(part);
        if (!m) return std::nullopt;
        n = std::max(n, *m);
      }
      return n;
  }
  return std::nullopt;
}

Shape shape_of(std::string_view pattern, Expression expression, std::uint32_t secret_group) {
  Shape shape;
  shape.captures = count_captures(expression);
  std::vector<Expression> parts;
  if (expression.kind == Kind::Concat) {
    parts = std::move(expression.parts);
  } else {
    parts.push_back(std::move(expression));
  }
  // Without a capture all of it is the secret, and there is no context.
  const auto secret = std::find_if(parts.begin(), parts.end(), [&](const Expression& e) {
    return shape.captures == 0 || has_capture(e, secret_group);
  });
  shape.context.assign(std::make_move_iterator(parts.begin()), std::make_move_iterator(secret));
  shape.rest.assign(std::make_move_iterator(secret), std::make_move_iterator(parts.end()));
  shape.pattern = pattern;
  while (!shape.context.empty() && may_be_empty(shape.context.front()) &&
         count_captures(shape.context.front()) == 0) {
    const std::size_t begin = shape.context.front().begin,
                      length = shape.context.front().end - begin;
    shape.pattern.erase(begin, length);
    shape.context.erase(shape.context.begin());
    for (Expression& e : shape.context) {
      if (e.begin >= begin + length) e.begin -= length, e.end -= length;
    }
  }
  shape.max = 0;
  for (const auto* list : {&shape.context, &shape.rest}) {
    for (const Expression& e : *list) {
      const auto m = max_length(e);
      shape.max = shape.max && m ? std::optional(*shape.max + *m) : std::nullopt;
      shape.min += min_length(e);
    }
  }
  find_literals(shape);
  return shape;
}

}  // namespace veilwire::masking
