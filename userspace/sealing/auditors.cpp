#include "userspace/sealing/auditors.h"

#include "userspace/sealing/key_wrap.h"

#include <algorithm>
#include <utility>

namespace veilwire::sealing {
namespace {

Unexpected<AuditorProblem> problem(SealingError error, std::size_t number,
                                   const Certificate& certificate) {
  return {{error, number, subject_of(certificate)}};
}

}  // namespace

std::string to_string(const AuditorProblem& problem) {
  std::string text;
  if (problem.certificate != 0) {
    text = "auditor " + std::to_string(problem.certificate);
    if (!problem.subject.empty()) text += " (" + problem.subject + ")";
    text += ": ";
  }
  return text.append(to_string(problem.error));
}

Result<Auditors, AuditorProblem> Auditors::load(std::span<const std::string> certificates,
                                                WallTime now) {
  if (certificates.size() < kLeastAuditors)
    return Unexpected{AuditorProblem{SealingError::TooFewAuditors, 0, {}}};
  if (certificates.size() > kMostAuditors)
    return Unexpected{AuditorProblem{SealingError::TooManyAuditors, 0, {}}};
  Auditors auditors;
  std::vector<std::string> keys;
  for (const std::string& pem : certificates) {
    const std::size_t number = keys.size() + 1;
    auto certificate = read_certificate(pem);
    if (!certificate) return Unexpected{AuditorProblem{certificate.error(), number, {}}};
    if (const auto error = check_key(*certificate)) return problem(*error, number, *certificate);
    // CMS tells recipients apart by issuer and serial number; two certificates of one key are one
    // auditor.
    Recipient recipient = recipient_of(*certificate);
    std::string key = public_key_of(*certificate);
    const auto is_same = [&](const Recipient& other) {
      return other.issuer == recipient.issuer && other.serial == recipient.serial;
    };
    if (std::find(keys.begin(), keys.end(), key) != keys.end() ||
        std::any_of(auditors.recipients_.begin(), auditors.recipients_.end(), is_same))
      return problem(SealingError::SameAuditor, number, *certificate);
    keys.push_back(std::move(key));
    auditors.recipients_.push_back(std::move(recipient));
    auditors.certificates_.push_back(std::move(*certificate));
  }
  const auto trial = SessionKey::from_bytes(Secret(std::string(kSessionKey, '\0')));
  if (const auto wrapped = auditors.wrap(*trial, now); !wrapped) return Unexpected{wrapped.error()};
  return auditors;
}

std::optional<AuditorProblem> Auditors::check(WallTime now) const {
  for (std::size_t i = 0; i < certificates_.size(); ++i)
    if (const auto error = check_time(certificates_[i], now))
      return AuditorProblem{*error, i + 1, subject_of(certificates_[i])};
  return std::nullopt;
}

Result<WrappedKey, AuditorProblem> Auditors::wrap(const SessionKey& key, WallTime now) const {
  if (auto problem = check(now)) return Unexpected{*std::move(problem)};
  auto cms = wrap_key(key, certificates_);
  if (!cms) return Unexpected{AuditorProblem{cms.error(), 0, {}}};
  return WrappedKey{key.id(), recipients_, std::move(*cms)};
}

}  // namespace veilwire::sealing
