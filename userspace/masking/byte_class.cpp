#include "userspace/masking/byte_class.h"

namespace veilwire::masking {

void add_range(ByteSet& set, unsigned lo, unsigned hi) {
  for (unsigned b = lo; b <= hi; ++b) set.set(b);
}

bool is_letter(unsigned byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

ByteSet folded(const ByteSet& set) {
  ByteSet out = set;
  for (unsigned b = 0; b < 128; ++b) {
    if (set[b] && is_letter(b)) out.set(b ^ 0x20U);
  }
  return out;
}

std::optional<ByteSet> perl_class(char letter) {
  ByteSet set;
  switch (letter | 0x20) {
    case 'd':
      add_range(set, '0', '9');
      break;
    case 's':
      for (char c : {'\t', '\n', '\f', '\r', ' '}) set.set(static_cast<unsigned char>(c));
      break;
    case 'w':
      add_range(set, '0', '9'), add_range(set, 'A', 'Z'), add_range(set, 'a', 'z'), set.set('_');
      break;
    default:
      return std::nullopt;
  }
  return letter & 0x20 ? set : ~set;
}

std::optional<ByteSet> posix_class(std::string_view name) {
  ByteSet set;
  auto lower = [&] { add_range(set, 'a', 'z'); };
  auto upper = [&] { add_range(set, 'A', 'Z'); };
  auto digit = [&] { add_range(set, '0', '9'); };
  if (name == "alnum")
    lower(), upper(), digit();
  else if (name == "alpha")
    lower(), upper();
  else if (name == "ascii")
    add_range(set, 0, 0x7f);
  else if (name == "blank")
    set.set(' '), set.set('\t');
  else if (name == "cntrl")
    add_range(set, 0, 0x1f), set.set(0x7f);
  else if (name == "digit")
    digit();
  else if (name == "graph")
    add_range(set, '!', '~');
  else if (name == "lower")
    lower();
  else if (name == "print")
    add_range(set, ' ', '~');
  else if (name == "punct")
    add_range(set, '!', '/'), add_range(set, ':', '@'), add_range(set, '[', '`'),
        add_range(set, '{', '~');
  else if (name == "space")
    add_range(set, 0x09, 0x0d), set.set(' ');
  else if (name == "upper")
    upper();
  else if (name == "word")
    lower(), upper(), digit(), set.set('_');
  else if (name == "xdigit")
    digit(), add_range(set, 'A', 'F'), add_range(set, 'a', 'f');
  else
    return std::nullopt;
  return set;
}

}  // namespace veilwire::masking
