#include "userspace/crypto/ed25519_point.h"

#include "userspace/crypto/owned.h"

#include <cstdlib>
#include <string>

#include <openssl/bn.h>

namespace veilwire::crypto {
namespace {

using Number = Owned<BIGNUM, BN_free>;

void require(bool ok) {
  if (!ok) std::abort();
}

// Arithmetic in the curve's field. Everything here is public: nothing needs constant time.
class Field {
 public:
  Field() : context_(BN_CTX_new()), p_(number()) {
    require(context_ != nullptr);
    require(BN_set_bit(p_.get(), 255) == 1 && BN_sub_word(p_.get(), 19) == 1);
  }

  static Number number(BN_ULONG value = 0) {
    Number n(BN_new());
    require(n != nullptr && BN_set_word(n.get(), value) == 1);
    return n;
  }
  Number product(const Number& a, const Number& b) const {
    Number n = number();
    require(BN_mod_mul(n.get(), a.get(), b.get(), p_.get(), context_.get()) == 1);
    return n;
  }
  Number sum(const Number& a, const Number& b) const {
    Number n = number();
    require(BN_mod_add(n.get(), a.get(), b.get(), p_.get(), context_.get()) == 1);
    return n;
  }
  Number difference(const Number& a, const Number& b) const {
    Number n = number();
    require(BN_mod_sub(n.get(), a.get(), b.get(), p_.get(), context_.get()) == 1);
    return n;
  }
  // a / b is the square of something, 0 included. a * b is then one too: they differ by b squared.
  bool quotient_is_square(const Number& a, const Number& b) const {
    const int symbol = BN_kronecker(product(a, b).get(), p_.get(), context_.get());
    require(symbol != -2);
    return symbol >= 0;
  }
  bool reduced(const Number& a) const { return BN_cmp(a.get(), p_.get()) < 0; }

 private:
  Owned<BN_CTX, BN_CTX_free> context_;
  Number p_;  // 2^255 - 19
};

}  // namespace

bool is_ed25519_public_key(std::string_view encoded) {
  if (encoded.size() != kEd25519Key) return false;
  std::string octets(encoded);
  octets.back() = static_cast<char>(octets.back() & 0x7f);  // the highest bit is the sign of x
  const Field field;
  const Number y(BN_lebin2bn(reinterpret_cast<const unsigned char*>(octets.data()),
                             static_cast<int>(octets.size()), nullptr));
  require(y != nullptr);
  if (!field.reduced(y)) return false;

  // -x^2 + y^2 = 1 + d x^2 y^2, so x^2 = u / v with u = y^2 - 1 and v = d y^2 + 1, which is never
  // 0.
  const Number one = Field::number(1);
  const Number square = field.product(y, y);
  const Number u = field.difference(square, one);
  // d = -121665/121666: everything is multiplied by 121666 instead of dividing.
  const Number scale = Field::number(121666);
  const Number scaled_v = field.difference(scale, field.product(Field::number(121665), square));
  if (!field.quotient_is_square(field.product(u, scale), scaled_v)) return false;

  // Orders 1 and 2 are x = 0, order 4 is y = 0. Those of order 8 double to y = 0, so x^2 = -y^2,
  // which makes the equation d y^4 + 2 y^2 = 1, or y^2 (v + 1) = 1.
  if (BN_is_zero(u.get()) || BN_is_zero(y.get())) return false;
  return BN_cmp(field.product(square, field.sum(scaled_v, scale)).get(), scale.get()) != 0;
}

}  // namespace veilwire::crypto
