// A directory whose slowness the test decides.
#pragma once

#include "agent/identity/source.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>

namespace veilwire::agent_identity {

class FakeSource : public IdentitySource {
 public:
  Result<identity::Person, identity::Refusal> identify(const identity::Peer& peer) override {
    std::unique_lock lock(mutex_);
    ++asked_[peer.uid];
    changed_.notify_all();
    changed_.wait(lock, [&] { return slow_.count(peer.uid) == 0; });
    if (unknown_.count(peer.uid) != 0) return Unexpected{identity::Refusal{"unknown"}};
    identity::Person person;
    person.issuer = "fake";
    person.subject = std::to_string(peer.uid);
    person.name = "user" + person.subject;
    person.groups = groups_[peer.uid];
    return person;
  }
  std::string key(const identity::Peer& peer) const override { return std::to_string(peer.uid); }

  // Questions about uid stay open until answer(uid).
  void hold(std::uint32_t uid) {
    change([&] { slow_.insert(uid); });
  }
  void answer(std::uint32_t uid) {
    change([&] { slow_.erase(uid); });
  }
  void forget(std::uint32_t uid) {
    change([&] { unknown_.insert(uid); });
  }
  void set_groups(std::uint32_t uid, std::vector<std::string> groups) {
    change([&] { groups_[uid] = std::move(groups); });
  }
  int asked(std::uint32_t uid) {
    const std::lock_guard lock(mutex_);
    return asked_[uid];
  }
  void wait_until_asked(std::uint32_t uid) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_[uid] > 0; });
  }

 private:
  template <class F>
  void change(F f) {
    const std::lock_guard lock(mutex_);
    f();
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::uint32_t> slow_, unknown_;
  std::map<std::uint32_t, int> asked_;
  std::map<std::uint32_t, std::vector<std::string>> groups_;
};

}  // namespace veilwire::agent_identity
