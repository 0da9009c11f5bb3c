#include "userspace/identity/event_poll.h"

#include "userspace/base/limits.h"
#include "userspace/identity/printable.h"
#include "userspace/identity/refresh_plan.h"
#include "userspace/identity/security_event.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace veilwire::identity {
namespace {

using nlohmann::json;
using Kind = JsonValue::Kind;

bool can_be_settled(std::string_view id) {
  return printable(id) && id.size() <= limits::kTokenText;
}

}  // namespace

std::optional<Monotonic> EventPoll::due() const { return due_; }

std::chrono::seconds EventPoll::patience() const {
  return settings_.long_poll ? limits::kEventPollHeld : limits::kEventPollTime;
}

IdpRequest EventPoll::ask(const Secret& authorization, Monotonic now) {
  json body = {{"maxEvents", limits::kEventsOfPoll}, {"returnImmediately", !settings_.long_poll}};
  for (const auto& [id, verdict] : unsent_) {
    if (verdict)
      body["setErrs"][id] = {{"err", verdict->code}, {"description", verdict->description}};
    else
      body["ack"].push_back(id);
  }
  under_way_ = unsent_;
  asked_at_ = now;
  due_.reset();

  IdpRequest request;
  request.method = IdpRequest::Method::Post;
  request.url = settings_.endpoint;
  request.authorization = Secret(std::string(authorization.reveal()));
  request.body = Secret(body.dump());
  request.body_type = IdpRequest::BodyType::Json;
  request.client_certificate = settings_.client_certificate;
  request.most_answer = limits::kEventAnswer;
  return request;
}

Result<std::vector<ReceivedSet>, IdpFault> EventPoll::answered(const IdpResponse& response,
                                                               Monotonic now,
                                                               std::uint32_t random) {
  const auto fail = [&](IdpFault fault) {
    due_ = now + retry_wait(++failures_, random, fault.retry_after);
    return Unexpected{std::move(fault)};
  };
  const auto object = read_answer(response, limits::kEventAnswer);
  if (!object) return fail(object.error());
  const JsonValue* const sets = object->find("sets");
  if (sets == nullptr)
    return fail({.error = IdpError::MemberMissing, .about = "sets", .status = response.status});
  if (sets->kind != Kind::Object)
    return fail({.error = IdpError::MemberMalformed, .about = "sets", .status = response.status});

  // What was settled meanwhile stays.
  for (const auto& [id, verdict] : under_way_) unsent_.erase(id);
  under_way_.clear();
  failures_ = 0;

  // moreAvailable is not looked at: where there is more, what came is new, and so we ask at once.
  std::vector<ReceivedSet> received;
  bool is_new = false;
  std::size_t left = limits::kEventsOfPoll;  // more than was asked for comes again
  for (const JsonMember& set : sets->members) {
    if (left-- == 0) break;
    if (!can_be_settled(set.name)) {
      ++counts_.passed_over;
      continue;
    }
    if (const auto known = settled_.find(set.name); known != settled_.end()) {
      ++counts_.again;
      unsent_.insert(*known);
      continue;
    }
    if (!waiting_.contains(set.name)) {
      ++counts_.received;
      is_new = true;
    }
    if (set.value.kind == Kind::String)
      received.push_back({set.name, set.value.text});
    else
      refuse(set.name, "invalid_request", "it is no text");
  }
  // Forgets who is not sent any more.
  std::erase_if(waiting_, [&](const auto& entry) { return sets->find(entry.first) == nullptr; });
  due_ = std::max(now, asked_at_ + (is_new ? limits::kEventPollPause : settings_.interval));
  return received;
}

void EventPoll::silent(Monotonic now, std::uint32_t random) {
  if (!settings_.long_poll) return unreachable(now, random);
  // Whether what was settled has arrived is not known: it goes out again.
  under_way_.clear();
  due_ = now;
}

void EventPoll::unreachable(Monotonic now, std::uint32_t random) {
  under_way_.clear();
  due_ = now + retry_wait(++failures_, random);
}

void EventPoll::accepted(const std::string& id) { settle(id, std::nullopt); }

void EventPoll::refused(const std::string& id, const TokenFault& fault) {
  refuse(id, set_error_code(fault.error), to_string(fault));
}

bool EventPoll::may_wait(const std::string& id, Monotonic now) {
  const auto [at, first] = waiting_.try_emplace(id, now);
  return now - at->second < limits::kEventKeyTime;
}

void EventPoll::refuse(const std::string& id, std::string_view code, std::string description) {
  ++counts_.refused;
  settle(id, Refusal{std::string(code), std::move(description)});
}

void EventPoll::settle(const std::string& id, Verdict verdict) {
  waiting_.erase(id);
  unsent_[id] = verdict;
  if (settled_.insert_or_assign(id, std::move(verdict)).second) order_.push_back(id);
  if (order_.size() <= limits::kEventIds) return;
  settled_.erase(order_.front());
  order_.pop_front();
}

}  // namespace veilwire::identity
