#include "userspace/masking/expression.h"

#include "userspace/masking/byte_class.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace veilwire::masking {
namespace {

using Kind = Expression::Kind;

// RE2's own bounds: larger counts and deeper nesting are refused there too.
constexpr std::uint32_t kMaxRepeat = 1000;
constexpr int kMaxDepth = 200;

struct Flags {
  bool fold = false;         // i
  bool multi_line = false;   // m
  bool dot_newline = false;  // s
  bool swap_greed = false;   // U
};

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class Parser {
 public:
  explicit Parser(std::string_view pattern) : p_(pattern) {}

  Result<Expression, SyntaxError> run() {
    Expression e = alternation(Flags{}, 0);
    if (!error_ && i_ < p_.size()) fail("unmatched )");
    if (error_) return Unexpected{*error_};
    return e;
  }

 private:
  bool more() const { return !error_ && i_ < p_.size(); }
  bool next_is(std::string_view s) const { return p_.substr(i_, s.size()) == s; }
  void fail(std::string message) { fail_at(i_, std::move(message)); }
  void fail_at(std::size_t at, std::string message) {
    if (!error_) error_ = SyntaxError{at, std::move(message)};
  }

  Expression node(Kind kind, std::size_t begin) const {
    Expression e;
    e.kind = kind;
    e.begin = begin;
    e.end = i_;
    return e;
  }

  Expression one_of(const ByteSet& set, std::size_t begin) const {
    Expression e = node(Kind::Bytes, begin);
    e.bytes = set;
    return e;
  }

  // Flags set inside a group, (?i), hold until the group ends: hence by value here and by reference
  // below.
  Expression alternation(Flags flags, int depth) {
    const std::size_t begin = i_;
    if (depth > kMaxDepth) fail("nested too deeply");
    Expression choice = node(Kind::Alternate, begin);
    choice.parts.push_back(concatenation(flags, depth));
    while (more() && p_[i_] == '|') {
      ++i_;
      choice.parts.push_back(concatenation(flags, depth));
    }
    choice.end = i_;
    if (choice.parts.size() == 1) {
      Expression only = std::move(choice.parts.front());
      return only;
    }
    return choice;
  }

  Expression concatenation(Flags& flags, int depth) {
    Expression all = node(Kind::Concat, i_);
    while (more() && p_[i_] != '|' && p_[i_] != ')') {
      const std::size_t begin = i_;
      const std::size_t before = all.parts.size();
      atom(all, flags, depth);
      if (error_) break;
      if (all.parts.size() > before) repetitions(all, begin, flags);
    }
    all.end = i_;
    if (all.parts.empty()) all.kind = Kind::Empty;
    if (all.parts.size() == 1) {
      Expression only = std::move(all.parts.front());
      return only;
    }
    return all;
  }

  // A repetition applies to the last atom, which for a group is all that the group holds.
  void repetitions(Expression& all, std::size_t begin, const Flags& flags) {
    if (!more()) return;
    std::uint32_t min = 0, max = 0;
    if (!repetition(min, max)) return;
    if (error_) return;
    const bool question = p_.substr(i_, 1) == "?";
    if (question) ++i_;
    std::uint32_t min2 = 0, max2 = 0;
    const std::size_t second = i_;
    if (more() && repetition(min2, max2)) return fail_at(second, "a repetition of a repetition");
    Expression operand = std::move(all.parts.back());
    all.parts.pop_back();
    if (operand.kind == Kind::Bytes && operand.bytes.count() == 1 &&
        static_cast<unsigned char>(p_[begin]) >= 0x80) {
      return fail_at(begin,
                     "repeats the last byte only of a character outside ASCII: put it in (?:...)");
    }
    if (operand.kind == Kind::Empty || operand.kind == Kind::Assert) {
      return fail_at(begin, "repeats something that is empty");
    }
    Expression repeat = node(Kind::Repeat, begin);
    repeat.min = min;
    repeat.max = max;
    repeat.lazy = question != flags.swap_greed;
    repeat.parts.push_back(std::move(operand));
    all.parts.push_back(std::move(repeat));
  }

  bool repetition(std::uint32_t& min, std::uint32_t& max) {
    switch (p_[i_]) {
      case '*':
        ++i_, min = 0, max = kUnbounded;
        return true;
      case '+':
        ++i_, min = 1, max = kUnbounded;
        return true;
      case '?':
        ++i_, min = 0, max = 1;
        return true;
      case '{':
        break;
      default:
        return false;
    }
    const std::size_t begin = i_++;
    auto lo = number();
    if (!lo) return i_ = begin, false;  // a brace that opens no count stands for itself
    auto hi = lo;
    if (i_ < p_.size() && p_[i_] == ',') {
      ++i_;
      hi = i_ < p_.size() && p_[i_] == '}' ? kUnbounded : number();
    }
    if (!hi || i_ >= p_.size() || p_[i_] != '}') return i_ = begin, false;
    ++i_;
    if (*lo > kMaxRepeat || (*hi != kUnbounded && *hi > kMaxRepeat)) {
      fail_at(begin, "a count above 1000: write {n,} and give the rule a max_length");
    } else if (*hi < *lo) {
      fail_at(begin, "a count whose maximum is below its minimum");
    }
    min = *lo, max = *hi;
    return true;
  }

  std::optional<std::uint32_t> number() {
    const std::size_t begin = i_;
    std::uint32_t n = 0;
    while (i_ < p_.size() && p_[i_] >= '0' && p_[i_] <= '9') {
      n = n < 1000000 ? n * 10 + static_cast<std::uint32_t>(p_[i_] - '0') : n;
      ++i_;
    }
    if (i_ == begin) return std::nullopt;
    return n;
  }

  void atom(Expression& all, Flags& flags, int depth) {
    const std::size_t begin = i_;
    const char c = p_[i_];
    switch (c) {
      case '(':
        return group(all, flags, depth);
      case '[':
        return bracket(all, flags);
      case '.': {
        ++i_;
        ByteSet set = ~ByteSet{};
        if (!flags.dot_newline) set.reset('\n');
        return append(all, one_of(set, begin));
      }
      case '^':
        ++i_;
        return append_assertion(all, flags.multi_line ? Assertion::LineBegin : Assertion::TextBegin,
                                begin);
      case '$':
        ++i_;
        return append_assertion(all, flags.multi_line ? Assertion::LineEnd : Assertion::TextEnd,
                                begin);
      case '\\':
        return escape(all, flags);
      case '*':
      case '+':
      case '?':
        return fail("a repetition of nothing");
      default:
        break;
    }
    std::uint32_t min = 0, max = 0;
    if (c == '{' && repetition(min, max)) return fail_at(begin, "a repetition of nothing");
    i_ = begin + 1;
    append(all, literal(static_cast<unsigned char>(c), flags, begin));
  }

  Expression literal(unsigned byte, const Flags& flags, std::size_t begin) {
    ByteSet set;
    set.set(byte);
    if (flags.fold) {
      // A pattern's UTF-8 bytes are no letters of their own; RE2 would fold them as Latin-1.
      if (byte >= 0x80) fail_at(begin, "case folding of a character outside ASCII");
      set = folded(set);
    }
    return one_of(set, begin);
  }

  void append_assertion(Expression& all, Assertion assertion, std::size_t begin) {
    Expression e = node(Kind::Assert, begin);
    e.assertion = assertion;
    append(all, std::move(e));
  }

  static void append(Expression& all, Expression&& e) { all.parts.push_back(std::move(e)); }

  void group(Expression& all, Flags& flags, int depth) {
    const std::size_t begin = i_++;
    std::uint32_t capture = 0;
    Flags inner = flags;
    if (more() && p_[i_] == '?') {
      if (next_is("?P<")) {
        const std::size_t close = p_.find('>', i_);
        if (close == std::string_view::npos) return fail("a group name without its >");
        i_ = close + 1;
        capture = ++captures_;
      } else {
        ++i_;
        if (!flag_letters(inner)) return;
        if (p_[i_] == ')') {
          ++i_;
          flags = inner;
          return;
        }
        ++i_;  // ':'
      }
    } else {
      capture = ++captures_;
    }
    Expression body = alternation(inner, depth + 1);
    if (error_) return;
    if (i_ >= p_.size()) return fail_at(begin, "a ( without its )");
    ++i_;
    if (capture != 0) {
      Expression e = node(Kind::Capture, begin);
      e.capture = capture;
      e.parts.push_back(std::move(body));
      return append(all, std::move(e));
    }
    // (?:ab)c is abc, unless a repetition follows and takes the whole group.
    std::uint32_t min = 0, max = 0;
    const std::size_t here = i_;
    const bool repeated = more() && repetition(min, max);
    i_ = here;
    if (body.kind == Kind::Concat && !repeated) {
      for (Expression& part : body.parts) append(all, std::move(part));
      return;
    }
    if (body.kind != Kind::Concat && !repeated && body.kind != Kind::Alternate)
      return append(all, std::move(body));
    body.begin = begin;
    body.end = i_;
    append(all, std::move(body));
  }

  // After "(?": reads letters up to ':' or ')'.
  bool flag_letters(Flags& flags) {
    bool on = true, any = false;
    for (; i_ < p_.size(); ++i_) {
      switch (p_[i_]) {
        case 'i':
          flags.fold = on;
          break;
        case 'm':
          flags.multi_line = on;
          break;
        case 's':
          flags.dot_newline = on;
          break;
        case 'U':
          flags.swap_greed = on;
          break;
        case '-':
          if (!on) return fail("a second - among flags"), false;
          on = false;
          any = false;
          continue;
        case ':':
        case ')':
          if (!on && !any) return fail("a - without flags"), false;
          return true;
        default:
          return fail("an unknown group or flag (look-around is not in RE2's syntax)"), false;
      }
      any = true;
    }
    return fail("a group that does not end"), false;
  }

  void escape(Expression& all, const Flags& flags) {
    const std::size_t begin = i_++;
    if (i_ >= p_.size()) return fail_at(begin, "a trailing backslash");
    const char c = p_[i_];
    switch (c) {
      case 'A':
        ++i_;
        return append_assertion(all, Assertion::TextBegin, begin);
      case 'z':
        ++i_;
        return append_assertion(all, Assertion::TextEnd, begin);
      case 'b':
        ++i_;
        return append_assertion(all, Assertion::WordBoundary, begin);
      case 'B':
        ++i_;
        return append_assertion(all, Assertion::NotWordBoundary, begin);
      case 'C':
        ++i_;
        return append(all, one_of(~ByteSet{}, begin));
      case 'Q':
        return quoted(all, flags);
      case 'p':
      case 'P':
        return fail_at(begin, "Unicode classes have no meaning over bytes");
      default:
        break;
    }
    if (auto set = perl_class(c)) {
      ++i_;
      return append(all, one_of(*set, begin));
    }
    const auto byte = escaped_byte(begin);
    if (byte) append(all, literal(*byte, flags, begin));
  }

  void quoted(Expression& all, const Flags& flags) {
    ++i_;
    std::size_t end = p_.find("\\E", i_);
    const std::size_t stop = end == std::string_view::npos ? p_.size() : end;
    while (i_ < stop) {
      const std::size_t at = i_++;
      append(all, literal(static_cast<unsigned char>(p_[at]), flags, at));
    }
    if (end != std::string_view::npos) i_ = end + 2;
  }

  // i_ stands behind the backslash.
  std::optional<unsigned> escaped_byte(std::size_t begin) {
    const char c = p_[i_++];
    switch (c) {
      case 'a':
        return 7;
      case 'f':
        return 12;
      case 'n':
        return 10;
      case 'r':
        return 13;
      case 't':
        return 9;
      case 'v':
        return 11;
      case 'x':
        return hex_escape(begin);
      default:
        break;
    }
    if (c >= '0' && c <= '7') {
      // \1 to \7 alone are back-references elsewhere and errors in RE2; \0 and longer ones are
      // octal.
      unsigned n = static_cast<unsigned>(c - '0');
      std::size_t digits = 1;
      while (digits < 3 && i_ < p_.size() && p_[i_] >= '0' && p_[i_] <= '7') {
        n = n * 8 + static_cast<unsigned>(p_[i_++] - '0');
        ++digits;
      }
      if ((c != '0' && digits == 1) || n > 0xff)
        return fail_at(begin, "a back-reference or an octal escape beyond a byte"), std::nullopt;
      return n;
    }
    const auto u = static_cast<unsigned char>(c);
    const bool word = is_letter(u) || (c >= '0' && c <= '9') || c == '_';
    if (u >= 0x80 || (word && c != '_')) return fail_at(begin, "an unknown escape"), std::nullopt;
    return u;
  }

  std::optional<unsigned> hex_escape(std::size_t begin) {
    unsigned n = 0;
    if (i_ < p_.size() && p_[i_] == '{') {
      ++i_;
      std::size_t digits = 0;
      for (; i_ < p_.size() && hex_value(p_[i_]) >= 0; ++i_, ++digits) {
        n = n * 16 + static_cast<unsigned>(hex_value(p_[i_]));
        if (n > 0xff)
          return fail_at(begin, "a character beyond a byte: write its UTF-8 bytes"), std::nullopt;
      }
      if (digits == 0 || i_ >= p_.size() || p_[i_] != '}')
        return fail_at(begin, "a bad \\x{...}"), std::nullopt;
      ++i_;
      return n;
    }
    for (int k = 0; k < 2; ++k, ++i_) {
      if (i_ >= p_.size() || hex_value(p_[i_]) < 0)
        return fail_at(begin, "a bad \\x.."), std::nullopt;
      n = n * 16 + static_cast<unsigned>(hex_value(p_[i_]));
    }
    return n;
  }

  void bracket(Expression& all, const Flags& flags) {
    const std::size_t begin = i_++;
    const bool negated = more() && p_[i_] == '^';
    if (negated) ++i_;
    ByteSet set;
    bool first = true;
    while (more() && (p_[i_] != ']' || first)) {
      first = false;
      if (next_is("[:")) {
        const std::size_t close = p_.find(":]", i_ + 2);
        if (close != std::string_view::npos) {
          std::string_view name = p_.substr(i_ + 2, close - i_ - 2);
          const bool inverse = !name.empty() && name[0] == '^';
          const auto named = posix_class(inverse ? name.substr(1) : name);
          if (!named) return fail("an unknown [:class:]");
          set |= inverse ? ~*named : *named;
          i_ = close + 2;
          continue;
        }
      }
      if (p_[i_] == '\\' && i_ + 1 < p_.size()) {
        if (p_[i_ + 1] == 'p' || p_[i_ + 1] == 'P')
          return fail("Unicode classes have no meaning over bytes");
        if (auto perl = perl_class(p_[i_ + 1])) {
          set |= *perl;
          i_ += 2;
          continue;
        }
      }
      range(set, flags);
    }
    if (error_) return;
    if (i_ >= p_.size()) return fail_at(begin, "a [ without its ]");
    ++i_;
    if (flags.fold) set = folded(set);
    append(all, one_of(negated ? ~set : set, begin));
  }

  void range(ByteSet& set, const Flags& flags) {
    const std::size_t begin = i_;
    const auto lo = class_byte();
    if (!lo) return;
    unsigned hi = *lo;
    if (i_ + 1 < p_.size() && p_[i_] == '-' && p_[i_ + 1] != ']') {
      ++i_;
      const auto end = class_byte();
      if (!end) return;
      hi = *end;
      if (hi < *lo) return fail_at(begin, "a range that runs backwards");
    }
    if (flags.fold && hi >= 0x80) return fail_at(begin, "case folding of bytes above 0x7f");
    add_range(set, *lo, hi);
  }

  std::optional<unsigned> class_byte() {
    const std::size_t begin = i_;
    if (i_ >= p_.size()) return fail("a [ without its ]"), std::nullopt;
    if (p_[i_] == '\\') {
      ++i_;
      if (i_ >= p_.size()) return fail_at(begin, "a trailing backslash"), std::nullopt;
      return escaped_byte(begin);
    }
    const auto byte = static_cast<unsigned char>(p_[i_]);
    if (byte >= 0x80)
      return fail("a character outside ASCII in a class: write an alternation"), std::nullopt;
    ++i_;
    return byte;
  }

  std::string_view p_;
  std::size_t i_ = 0;
  std::uint32_t captures_ = 0;
  std::optional<SyntaxError> error_;
};

}  // namespace

bool has_capture(const Expression& e, std::uint32_t number) {
  if (e.kind == Kind::Capture && (number == 0 || e.capture == number)) return true;
  return std::any_of(e.parts.begin(), e.parts.end(),
                     [&](const Expression& part) { return has_capture(part, number); });
}

Result<Expression, SyntaxError> parse_expression(std::string_view pattern) {
  return Parser(pattern).run();
}

}  // namespace veilwire::masking
