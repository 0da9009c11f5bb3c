#include "agent/identity/saml_link.h"

#include "agent/host/local_socket.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>
#include <stdlib.h>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
using namespace host::protocol;

constexpr int kPatience = 10'000;  // ms, for a machine under load
constexpr WallTime kNow{std::chrono::seconds(1'800'000'000)};

struct Folder {
  Folder() {
    char name[] = "/tmp/veilwire-saml-link-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

// Takes one question and answers with what it is told to: bytes, or nothing.
class Other {
 public:
  using Answer = std::function<std::optional<std::string>(const SamlQuestion&)>;
  explicit Other(Answer answer)
      : socket(folder_.path + "/saml.sock"),
        listener_(host::listen_local(socket, 0600)),
        thread_([this, answer = std::move(answer)] {
          if (!host::wait_readable(listener_.get(), kPatience)) return;
          auto accepted = host::accept_local(listener_.get());
          if (!accepted || !host::wait_readable(accepted->fd.get(), kPatience)) return;
          const auto message = host::receive_message(accepted->fd.get());
          const auto question = decode_saml_question(message ? message->bytes : "");
          if (!question) return;
          if (const auto bytes = answer(*question))
            static_cast<void>(host::send_message(accepted->fd.get(), *bytes));
          // The other end hangs up first, unless the answer is to do so.
          else if (hangs_up)
            return;
          host::wait_readable(accepted->fd.get(), kPatience);
        }) {}
  ~Other() { thread_.join(); }
  Other(const Other&) = delete;
  Other& operator=(const Other&) = delete;

 private:
  Folder folder_;

 public:
  std::string socket;
  bool hangs_up = true;

 private:
  host::UniqueFd listener_;
  std::thread thread_;
};

template <class Answer>
Result<Answer, SamlTrouble> run(
    const std::string& socket,
    const std::function<asio::awaitable<Result<Answer, SamlTrouble>>(SamlLink&)>& ask,
    std::chrono::milliseconds patience = std::chrono::milliseconds(kPatience)) {
  asio::io_context io;
  SamlLink link(io, socket, patience);
  std::optional<Result<Answer, SamlTrouble>> outcome;
  asio::co_spawn(
      io, [&]() -> asio::awaitable<void> { outcome.emplace(co_await ask(link)); }, asio::detached);
  io.run();
  return *std::move(outcome);
}
Result<SamlBegun, SamlTrouble> begin(
    const std::string& socket,
    std::chrono::milliseconds patience = std::chrono::milliseconds(kPatience)) {
  return run<SamlBegun>(
      socket,
      [](SamlLink& link) {
        return link.begin({"state", false});
      },
      patience);
}
Result<identity::SamlAssertion, SamlTrouble> finish(const std::string& socket,
                                                    const std::string& response = "AAAA") {
  return run<identity::SamlAssertion>(socket, [&response](SamlLink& link) {
    return link.finish({response, "_r1", kNow});
  });
}

TEST(SamlLink, AsksWhereABrowserIsSent) {
  const Other other([](const SamlQuestion& question) {
    EXPECT_EQ(std::get<SamlBegin>(question.what), (SamlBegin{"state", false}));
    return encode(
        SamlAnswer{question.id, SamlBegun{"https://idp.example/", "_r1", "http://127.0.0.1:1/"}});
  });
  const auto begun = begin(other.socket);
  ASSERT_TRUE(begun);
  EXPECT_EQ(*begun, (SamlBegun{"https://idp.example/", "_r1", "http://127.0.0.1:1/"}));
}

TEST(SamlLink, AsksWhatAResponseSays) {
  const Other other([](const SamlQuestion& question) {
    EXPECT_EQ(std::get<SamlFinish>(question.what), (SamlFinish{"AAAA", "_r1", kNow}));
    identity::SamlAssertion a;
    a.issuer = a.id = a.subject = "x";
    return encode(SamlAnswer{question.id, a});
  });
  const auto finished = finish(other.socket);
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->subject, "x");
}

TEST(SamlLink, ARefusalIsASentence) {
  const Other other([](const SamlQuestion& question) {
    return encode(SamlAnswer{question.id, SamlRefused{SamlError::RefusedByIdp, "AuthnFailed"}});
  });
  const auto finished = finish(other.socket);
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().refused, SamlError::RefusedByIdp);
  EXPECT_EQ(finished.error().message, "the IdP has refused the sign-in (AuthnFailed)");
}

TEST(SamlLink, AResponseThatIsTooLargeIsNotSentAtAll) {
  const auto finished = finish("/nonexistent", std::string(100'000, 'A'));
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().refused, SamlError::TooLarge);
}

TEST(SamlLink, NoAnswerAndNoneThatMakesSenseMayBeAskedAgain) {
  EXPECT_FALSE(begin("/nonexistent").error().refused);
  const std::vector<Other::Answer> senseless{
      [](const SamlQuestion&) { return std::nullopt; },
      [](const SamlQuestion&) { return "garbage"; },
      [](const SamlQuestion& q) {
        return encode(SamlAnswer{q.id + 1, SamlBegun{"u", "_r", "c"}});
      },
      [](const SamlQuestion& q) {
        identity::SamlAssertion a;
        a.issuer = a.id = a.subject = "x";
        return encode(SamlAnswer{q.id, a});
      }};
  for (const auto& answer : senseless) {
    const Other other(answer);
    const auto begun = begin(other.socket);
    ASSERT_FALSE(begun);
    EXPECT_FALSE(begun.error().refused);
    EXPECT_NE(begun.error().message.find("veilwire-saml"), std::string::npos);
  }
}

TEST(SamlLink, AnAnswerThatDoesNotComeIsNotWaitedForForever) {
  Other other([](const SamlQuestion&) { return std::nullopt; });
  other.hangs_up = false;
  const auto begun = begin(other.socket, std::chrono::milliseconds(100));
  ASSERT_FALSE(begun);
  EXPECT_FALSE(begun.error().refused);
}

}  // namespace
}  // namespace veilwire::agent_identity
