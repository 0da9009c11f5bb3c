// Questions to one of our other programs that wait for their answers: asked once however many wait
// for the same, asked again when the program is back after a restart, given up after a while. Lives
// on one thread. Tested by tests/unit/proxy/questions_test.cpp.
#pragma once

#include "agent/proxy/local_channel.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace veilwire::proxy {

// Subject: what is asked about; equal ones share a question. Answer: what callbacks get.
template <class Subject, class Answer>
class Questions {
 public:
  using Callback = std::function<void(Answer)>;
  struct Dialogue {
    // The message that asks; nullopt: there is none, and nobody will answer.
    std::function<std::optional<std::string>(std::uint64_t id, const Subject& subject)> encode;
    // Reads one message of the program and settles what it answers. false: it makes no sense, and
    // the connection is made anew.
    std::function<bool(std::string_view message)> answered;
    std::chrono::steady_clock::duration patience;
    Answer silence;  // when nothing is heard in that time
    // For a program that cannot even be asked.
    std::optional<std::chrono::steady_clock::duration> patience_without = {};
    // The program is there, and has been told nothing yet.
    std::function<void()> up = {};
  };

  // program: what the other one is called, for the log.
  Questions(boost::asio::io_context& io, std::string program, std::string socket_path,
            Dialogue dialogue)
      : io_(io),
        dialogue_(std::move(dialogue)),
        channel_(io, std::move(program), std::move(socket_path),
                 {.up =
                      [this] {
                        if (dialogue_.up) dialogue_.up();
                        for (const auto& [id, question] : open_) send(id, question.subject);
                      },
                  .down = nullptr,
                  .message =
                      [this](std::string_view message, auto&) {
                        if (!dialogue_.answered(message)) channel_.restart();
                      }}) {}
  Questions(const Questions&) = delete;
  Questions& operator=(const Questions&) = delete;

  // callback: from the io_context, never before ask() has returned.
  void ask(const Subject& subject, Callback callback) {
    for (auto& [id, question] : open_)
      if (question.subject == subject) return question.waiting.push_back(std::move(callback));
    const std::uint64_t id = ++last_id_;
    Question& question = open_.emplace(id, Question{subject, {}, io_}).first->second;
    question.waiting.push_back(std::move(callback));
    wait(id, question);
    send(id, subject);
  }

  // nullptr: nobody waits for that any more.
  const Subject* subject(std::uint64_t id) const {
    const auto found = open_.find(id);
    return found == open_.end() ? nullptr : &found->second.subject;
  }

  // Callbacks may ask again.
  void settle(std::uint64_t id, const Answer& answer) {
    auto found = open_.extract(id);
    if (found.empty()) return;
    found.mapped().limit.cancel();
    for (Callback& callback : found.mapped().waiting) callback(answer);
  }

  bool connected() const { return channel_.is_up(); }

 private:
  struct Question {
    Question(Subject s, std::vector<Callback> w, boost::asio::io_context& io)
        : subject(std::move(s)), waiting(std::move(w)), limit(io) {}
    Subject subject;
    std::vector<Callback> waiting;
    boost::asio::steady_timer limit;
    std::chrono::steady_clock::duration waited{0};
  };

  void wait(std::uint64_t id, Question& question) {
    const auto step = std::min(dialogue_.patience_without.value_or(dialogue_.patience),
                               dialogue_.patience - question.waited);
    question.waited += step;
    question.limit.expires_after(step);
    // A timer that has run out may already be on its way when the table goes.
    question.limit.async_wait(
        [this, alive = std::weak_ptr<char>(alive_), id](const boost::system::error_code& e) {
          if (e || alive.expired()) return;
          const auto found = open_.find(id);
          if (found == open_.end()) return;
          const bool over = found->second.waited >= dialogue_.patience || !channel_.is_up();
          over ? settle(id, dialogue_.silence) : wait(id, found->second);
        });
  }

  void send(std::uint64_t id, const Subject& subject) {
    if (const auto message = dialogue_.encode(id, subject)) channel_.send(*message);
  }

  boost::asio::io_context& io_;
  Dialogue dialogue_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  std::map<std::uint64_t, Question> open_;
  std::uint64_t last_id_ = 0;
  LocalChannel channel_;  // last: it may speak as soon as it is made
};

}  // namespace veilwire::proxy
