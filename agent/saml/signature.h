// Whether an element is signed by a pinned key, as one enveloped signature over the whole of it and
// nothing else. An XML signature says itself what it covers, by which algorithms, and with which
// key; here all three are known beforehand, and a signature that says otherwise is refused before
// any of it is computed. So what has been verified is the element that is read, and a signed
// element that was moved elsewhere vouches for nothing (XML signature wrapping, "On Breaking SAML",
// 2012). Tested by tests/unit/saml/wrapping_test.cpp and signature_test.cpp.
#pragma once

#include "agent/host/protocol/saml.h"
#include "agent/saml/xml.h"
#include "userspace/base/result.h"

#include <memory>
#include <string>
#include <vector>

namespace veilwire::saml {

// The signature of an element is its own child, covers it by its ID, and has the one shape that is
// taken: exclusive canonicalisation, SHA-256 or longer, RSA.
Result<XmlNode*, host::protocol::SamlError> signature_of(const XmlNode* element);

class PinnedKeys {
 public:
  // Certificates in DER. Throws std::runtime_error for one that cannot be used: start-up only.
  // start_libraries() comes first.
  explicit PinnedKeys(const std::vector<std::string>& certificates);
  ~PinnedKeys();
  PinnedKeys(PinnedKeys&&) noexcept;
  PinnedKeys& operator=(PinnedKeys&&) noexcept;

  // Takes the signature's KeyInfo out of the tree: which key it names means nothing.
  Result<void, host::protocol::SamlError> verify(XmlNode* element) const;

 private:
  struct Keys;
  std::unique_ptr<Keys> keys_;
};

// libxml2, xmlsec and lasso, quiet: what they print repeats what strangers wrote. Once, before any
// thread; throws std::runtime_error.
void start_libraries();

}  // namespace veilwire::saml
