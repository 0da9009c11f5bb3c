// A recorder for the forwarder's tests: a list of records, positions in memory, and things that go
// wrong when they are told to. A thread a connection.
#pragma once

#include "agent/host/local_socket.h"
#include "agent/host/protocol/delivery.h"
#include "userspace/audit/parse.h"
#include "userspace/audit/record.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <sys/socket.h>

namespace veilwire::forwarder {

namespace protocol = host::protocol;

class FakeRecorder {
 public:
  explicit FakeRecorder(std::string path)
      : listener_(host::listen_local(path, 0600)), acceptor_([this] { accept(); }) {}
  ~FakeRecorder() {
    stopping_ = true;
    cut();
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
  }
  FakeRecorder(const FakeRecorder&) = delete;
  FakeRecorder& operator=(const FakeRecorder&) = delete;

  void add(std::string canonical) {
    const std::lock_guard lock(mutex_);
    records_.push_back(std::move(canonical));
    changed_.notify_all();
  }
  void add(const audit::Record& record) {
    add(audit::canonical(record, std::string(32, 'a'), ++seq_));
  }
  // Whoever is connected.
  void cut() {
    const std::lock_guard lock(mutex_);
    for (const int fd : connected_) ::shutdown(fd, SHUT_RDWR);
    changed_.notify_all();
  }
  // As an operator's rewind does.
  void move(const std::string& sink, std::uint64_t next) {
    {
      const std::lock_guard lock(mutex_);
      next_[sink] = next;
    }
    cut();
  }
  void refuse_confirms(int times) { refuse_confirms_ = times; }
  void delete_before(std::uint64_t record) {
    const std::lock_guard lock(mutex_);
    first_ = record;
  }

  std::uint64_t next(const std::string& sink) {
    const std::lock_guard lock(mutex_);
    const auto found = next_.find(sink);
    return found == next_.end() ? 0 : found->second;
  }
  std::vector<protocol::DeadLetter> dead() {
    const std::lock_guard lock(mutex_);
    return dead_;
  }
  std::vector<protocol::Cosigned> cosigned() {
    const std::lock_guard lock(mutex_);
    return cosigned_;
  }
  bool wait_for_next(const std::string& sink, std::uint64_t next) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return next_[sink] >= next; });
  }

 private:
  void accept() {
    while (!stopping_) {
      if (!host::wait_readable(listener_.get(), 20)) continue;
      auto accepted = host::accept_local(listener_.get());
      if (!accepted) continue;
      const std::lock_guard lock(mutex_);
      connected_.push_back(accepted->fd.get());
      threads_.emplace_back([this, fd = std::move(accepted->fd)] { serve(fd.get()); });
    }
  }

  void serve(int fd) {
    std::string sink;
    while (!stopping_ && host::wait_readable(fd, 60'000)) {
      const auto message = host::receive_message(fd);
      if (!message || message->bytes.empty()) break;
      const auto request = protocol::decode_delivery_request(message->bytes);
      if (!request) break;
      // Sent without the lock: the test's own thread reads, and takes it.
      for (const protocol::DeliveryAnswer& answer : answers_to(*request, sink)) send(fd, answer);
    }
    const std::lock_guard lock(mutex_);
    std::erase(connected_, fd);
  }

  std::vector<protocol::DeliveryAnswer> answers_to(const protocol::DeliveryRequest& request,
                                                   std::string& sink) {
    std::unique_lock lock(mutex_);
    if (const auto* attach = std::get_if<protocol::Attach>(&request)) {
      sink = attach->sink;
      next_.emplace(sink, 1);
      return {position(sink)};
    }
    if (const auto* read = std::get_if<protocol::Read>(&request)) {
      changed_.wait(lock, [&] { return stopping_ || read->from <= records_.size(); });
      return read_from(read->from, read->most_bytes, nullptr);
    }
    if (const auto* exchange = std::get_if<protocol::ReadExchange>(&request))
      return read_from(exchange->from, exchange->most_bytes, exchange);
    if (std::holds_alternative<protocol::AskLog>(request)) return {protocol::LogName{origin_}};
    if (const auto* confirm = std::get_if<protocol::Confirm>(&request))
      return {take(sink, *confirm)};
    return {};
  }

  protocol::Attached position(const std::string& sink) {
    return {next_[sink], first_, records_.size()};
  }

  std::vector<protocol::DeliveryAnswer> read_from(std::uint64_t from, std::size_t most,
                                                  const protocol::ReadExchange* exchange) {
    if (from < first_) return {protocol::Refused{protocol::DeliveryError::Deleted, ""}};
    const auto belongs = [exchange](const std::string& canonical) {
      if (exchange == nullptr) return true;
      const auto parsed = audit::parse_record(canonical);
      return parsed && parsed->record.context.session == exchange->session &&
             parsed->record.context.exchange == exchange->exchange;
    };
    std::vector<protocol::DeliveryAnswer> out;
    std::size_t taken = 0;
    for (std::uint64_t number = from; number <= records_.size(); ++number) {
      const std::string& bytes = records_[number - 1];
      if (!belongs(bytes)) continue;
      if (taken != 0 && taken + bytes.size() > most) {
        out.push_back(protocol::End{number, records_.size()});
        return out;
      }
      taken += bytes.size();
      // Small pieces, so that every test sees several.
      for (std::size_t at = 0; at < bytes.size(); at += 100)
        out.push_back(protocol::Piece{number, static_cast<std::uint32_t>(bytes.size()),
                                      static_cast<std::uint32_t>(at), bytes.substr(at, 100)});
    }
    out.push_back(protocol::End{exchange != nullptr ? 0 : records_.size() + 1, records_.size()});
    return out;
  }

  protocol::DeliveryAnswer take(const std::string& sink, const protocol::Confirm& confirm) {
    if (refuse_confirms_ > 0) {
      --refuse_confirms_;
      return protocol::Refused{protocol::DeliveryError::Unavailable, "full"};
    }
    if (confirm.next < next_[sink])
      return protocol::Refused{protocol::DeliveryError::OutOfRange, ""};
    next_[sink] = confirm.next;
    dead_.insert(dead_.end(), confirm.dead.begin(), confirm.dead.end());
    if (confirm.cosigned) cosigned_.push_back(*confirm.cosigned);
    changed_.notify_all();
    return position(sink);
  }

  static void send(int fd, const protocol::DeliveryAnswer& answer) {
    const std::string bytes = protocol::encode(answer).value();
    for (int i = 0; i < 10'000; ++i) {
      const auto sent = host::send_message(fd, bytes);
      if (sent || sent.error() != EAGAIN) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  host::UniqueFd listener_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> records_;
  const std::string origin_ = "veilwire/3f6c1d0e/00000001";
  std::map<std::string, std::uint64_t> next_;
  std::vector<protocol::DeadLetter> dead_;
  std::vector<protocol::Cosigned> cosigned_;
  std::vector<int> connected_;
  std::uint64_t first_ = 1, seq_ = 0;
  std::atomic<int> refuse_confirms_ = 0;
  std::atomic<bool> stopping_ = false;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace veilwire::forwarder
