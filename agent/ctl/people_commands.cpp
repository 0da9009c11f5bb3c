#include "agent/ctl/people_commands.h"

#include "agent/ctl/browser_callback.h"
#include "agent/ctl/people_link.h"
#include "agent/host/config.h"
#include "agent/host/loopback_address.h"
#include "userspace/base/limits.h"
#include "userspace/base/secret.h"
#include "userspace/identity/form.h"

#include <chrono>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::ctl {
namespace {

using host::protocol::PeopleAnswer;
using host::protocol::PeopleAsk;
using host::protocol::PeopleSession;
using Ask = PeopleAsk::What;
using Answer = PeopleAnswer::What;

constexpr int kDone = 0, kRefused = 1, kUnreachable = 3;
constexpr std::chrono::minutes kBrowserPatience{10};
// A response of SAML, with as much again for escapes.
constexpr std::size_t kMostForm = 2 * limits::kSamlResponse;
constexpr std::size_t kMostFields = 8;  // SAMLResponse, RelayState and what an IdP adds
constexpr const char* kExitCodes =
    "Exit code: 0 done, 1 refused or nobody is signed in, 2 wrong usage, 3 no answer.";

struct Options {
  bool json = false, device = false, no_browser = false, ci = false;
  std::string token_file, revoke;
};

std::string in_words(std::chrono::seconds time) {
  const auto count = time.count();
  if (count >= 7200) return std::to_string(count / 3600) + " hours";
  if (count >= 120) return std::to_string(count / 60) + " minutes";
  return std::to_string(count) + " seconds";
}

// Names come from an IdP: no terminal obeys them.
std::string shown(const std::string& text) {
  std::string out;
  for (const char c : text) out += (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) ? '?' : c;
  return out;
}

nlohmann::json as_json(const PeopleSession& s) {
  nlohmann::json json = {{"issuer", s.issuer},
                         {"subject", s.subject},
                         {"name", s.name},
                         {"groups", s.groups},
                         {"class", s.person_class},
                         {"method", s.method},
                         {"binding", s.binding},
                         {"standing", s.standing},
                         {"age_seconds", s.age.count()},
                         {"expires_in_seconds", s.expires.count()}};
  if (s.groups_cut) json["groups_cut"] = true;
  return json;
}

void print(const nlohmann::json& json) {
  std::cout << json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

void print(const PeopleSession& s, bool json) {
  if (json) return print(as_json(s));
  std::cout << shown(s.name) << " (" << shown(s.subject) << " at " << shown(s.issuer) << ")\n";
  std::string groups;
  for (const std::string& group : s.groups) groups += (groups.empty() ? "" : ", ") + shown(group);
  if (s.groups_cut) groups = "too many to show";
  std::cout << "  groups:   " << (groups.empty() ? "none" : groups) << "\n  for:      " << s.binding
            << "\n  class:    " << s.person_class << ", signed in by " << s.method
            << "\n  standing: " << s.standing << ", last word " << in_words(s.age)
            << " ago, ends in " << in_words(s.expires) << '\n';
}

// What ends a command: a session, or the reason why there is none.
int conclude(const PeopleAnswer& answer, bool json) {
  if (answer.what == Answer::Session && answer.session) {
    print(*answer.session, json);
    return kDone;
  }
  if (answer.what == Answer::Done) {
    if (json) print({{"done", true}});
    return kDone;
  }
  if (json) print({{"error", answer.text}});
  std::cerr << "veilwire: " << shown(answer.text) << '\n';
  return kRefused;
}

// By the person's own means, and without waiting for it; not by root, whose browser is nobody's.
bool open_browser(const std::string& address) {
  const bool has_screen =
      std::getenv("DISPLAY") != nullptr || std::getenv("WAYLAND_DISPLAY") != nullptr;
  if (!has_screen || ::geteuid() == 0) return false;
  const pid_t child = ::fork();
  if (child == 0) {
    if (::fork() != 0) ::_exit(0);
    ::setsid();
    ::execlp("xdg-open", "xdg-open", address.c_str(), nullptr);
    ::_exit(127);
  }
  if (child < 0) return false;
  ::waitpid(child, nullptr, 0);
  return true;
}

// What a request to the callback is for veilwire-identity; nothing: it is none of a sign-in.
using Meaning = std::function<std::optional<PeopleAsk>(BrowserRequest request)>;

int finish_in_browser(PeopleLink& link, const Options& o, const std::string& address,
                      const BrowserCallback& callback, const Meaning& meaning,
                      const std::string& elsewhere = "") {
  const bool opened = !o.no_browser && open_browser(address);
  if (!opened) std::cerr << elsewhere;
  std::cerr << (opened ? "Sign in in the browser that opens, or open:\n\n  "
                       : "Open in a browser on this machine:\n\n  ")
            << address << "\n\n";
  PeopleAnswer last{.what = Answer::Refused, .text = "nobody came to sign in in time"};
  const auto take = [&](BrowserRequest request) -> std::optional<std::string> {
    const auto ask = meaning(std::move(request));
    if (!ask) return std::nullopt;
    PeopleAnswer answer = link.ask(*ask);
    if (answer.what == Answer::Again) return std::nullopt;
    last = std::move(answer);
    if (last.what == Answer::Session) return "You are signed in. You can close this page.";
    return "You are not signed in: " + last.text;
  };
  (void)callback.serve(take, link.descriptor(), kBrowserPatience);
  return conclude(last, o.json);
}

std::optional<PeopleAsk> code_in(BrowserRequest request) {
  return PeopleAsk{.what = Ask::Callback, .text = Secret(std::move(request.target))};
}

// Of SAML. What they say is for others to judge.
std::optional<PeopleAsk> response_in(const BrowserRequest& request, const std::string& path) {
  if (!request.form || request.target != path) return std::nullopt;
  const auto fields = identity::parse_form(*request.form, kMostFields);
  if (!fields) return std::nullopt;
  const std::string* const response = identity::find(*fields, "SAMLResponse");
  const std::string* const state = identity::find(*fields, "RelayState");
  if (response == nullptr || response->empty() || state == nullptr || state->empty() ||
      state->size() > limits::kSamlRelayState)
    return std::nullopt;
  PeopleAsk ask{
      .what = Ask::Response, .text = Secret(std::string(*response)), .relay_state = *state};
  if (encode(ask).reveal().size() > host::protocol::kPeopleAsk) return std::nullopt;
  return ask;
}

// The IdP knows one address, which must be ours before a browser is sent there: who else has it
// would be given the response.
int login_by_saml(PeopleLink& link, const Options& o, const PeopleAnswer& begun) {
  const auto address = host::parse_loopback(begun.callback);
  if (!address)
    return conclude({.what = Answer::Refused, .text = "the callback is no address on loopback"},
                    o.json);
  const auto callback = BrowserCallback::at(*address, kMostForm);
  if (!callback)
    return conclude({.what = Answer::Refused,
                     .text = "another program has port " + std::to_string(address->port) +
                             " of this host, where the browser comes back to: another `veilwire "
                             "login`, or somebody who keeps you from signing in (ss -ltnp)"},
                    o.json);
  // There is no sign-in with a code on another device.
  const std::string port = std::to_string(address->port);
  const std::string forward = port + (address->v6 ? ":[::1]:" : ":127.0.0.1:") + port;
  return finish_in_browser(
      link, o, begun.text, *callback,
      [&](const BrowserRequest& request) { return response_in(request, address->path); },
      "For a browser on another machine, run there first: ssh -L " + forward + " THIS-HOST\n\n");
}

int login_by_browser(PeopleLink& link, const Options& o) {
  const BrowserCallback callback;
  const PeopleAnswer begun = link.ask({.what = Ask::Login, .port = callback.port()});
  if (begun.what != Answer::Address) return conclude(begun, o.json);
  if (!begun.callback.empty()) return login_by_saml(link, o, begun);
  return finish_in_browser(link, o, begun.text, callback, code_in);
}

int login_by_device(PeopleLink& link, const Options& o) {
  const PeopleAnswer device = link.ask({.what = Ask::LoginDevice});
  if (device.what != Answer::Device) return conclude(device, o.json);
  if (o.json)
    print({{"address", device.text},
           {"code", device.code},
           {"complete", device.complete},
           {"expires_in_seconds", device.expires.count()}});
  std::cout.flush();
  std::cerr << "Open on any device:\n\n  " << device.text << "\n\nand type the code:\n\n  "
            << device.code << "\n\n";
  if (!device.complete.empty())
    std::cerr << "or open both at once:\n\n  " << device.complete << "\n\n";
  return conclude(link.hear(), o.json);
}

int login(PeopleLink& link, const Options& o) {
  return o.device ? login_by_device(link, o) : login_by_browser(link, o);
}

int sessions(PeopleLink& link, const Options& o) {
  if (!o.revoke.empty()) {
    const PeopleAnswer answer =
        link.ask({.what = Ask::Revoke, .text = Secret(std::string(o.revoke))});
    if (answer.what != Answer::Done) return conclude(answer, o.json);
    if (o.json)
      print({{"ended", answer.count}});
    else
      std::cout << answer.count << " sessions of " << shown(o.revoke) << " ended\n";
    return answer.count == 0 ? kRefused : kDone;
  }
  link.say({.what = Ask::Sessions});
  nlohmann::json all = nlohmann::json::array();
  while (true) {
    const PeopleAnswer answer = link.hear();
    if (answer.what == Answer::Done) break;
    if (answer.what != Answer::Session || !answer.session) return conclude(answer, o.json);
    if (o.json)
      all.push_back(as_json(*answer.session));
    else
      print(*answer.session, false);
  }
  if (o.json) print(all);
  return kDone;
}

Secret read_token(const std::string& file) {
  std::string token;
  if (file == "-") {
    token.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream in(file, std::ios::binary);
    if (!in) throw PeopleUnreachable(file + ": cannot be read");
    token.assign(std::istreambuf_iterator<char>(in), {});
  }
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  if (token.empty()) throw PeopleUnreachable(file + ": holds no token");
  return Secret(std::move(token));
}

using Work = std::function<int(PeopleLink&)>;

int with_link(const CLI::App& app, const Work& work) {
  try {
    const CLI::Option* const config = app.get_option("--config");
    const bool given = config->count() != 0;
    PeopleLink link(people_socket(given ? config->as<std::string>() : host::kDefaultConfig, given));
    return work(link);
  } catch (const PeopleUnreachable& e) {
    std::cerr << "veilwire: " << e.message() << '\n';
  } catch (const std::exception& e) {
    std::cerr << "veilwire: " << e.what() << '\n';
  }
  return kUnreachable;
}

CLI::App* add(CLI::App& app, const char* name, const char* summary, const std::string& footer,
              const std::shared_ptr<Options>& o) {
  CLI::App* const command = app.add_subcommand(name, summary);
  command->footer(footer + kExitCodes);
  command->add_flag("--json", o->json, "JSON instead of text");
  return command;
}

}  // namespace

void add_people(CLI::App& app, int& exit_code) {
  const auto o = std::make_shared<Options>();
  const auto run = [&app, &exit_code](Work work) {
    return [&app, &exit_code, work = std::move(work)] { exit_code = with_link(app, work); };
  };

  CLI::App* in =
      add(app, "login", "sign in for everything that is started in this login",
          "In a browser on this machine, or with --device on any other. The tokens stay\n"
          "with veilwire-identity; this command never sees one.\n\n",
          o);
  in->add_flag("--device", o->device, "show an address and a code to type there");
  in->add_flag("--no-browser", o->no_browser, "show the address, and open nothing");
  in->callback(run([o](PeopleLink& link) { return login(link, *o); }));

  CLI::App* out =
      add(app, "logout", "sign out: what runs in this login acts for nobody from now on", "", o);
  out->callback(
      run([o](PeopleLink& link) { return conclude(link.ask({.what = Ask::Logout}), o->json); }));

  CLI::App* who = add(app, "whoami", "for whom this login acts, and until when", "", o);
  who->callback(
      run([o](PeopleLink& link) { return conclude(link.ask({.what = Ask::WhoAmI}), o->json); }));

  CLI::App* list = add(app, "sessions", "who is signed in on this host; for operators",
                       "Root may, and the group of the host that operator_group names.\n\n", o);
  list->add_option("--revoke", o->revoke, "end all sessions of this subject")->type_name("SUBJECT");
  list->callback(run([o](PeopleLink& link) { return sessions(link, *o); }));

  CLI::App* attach =
      add(app, "attach", "let a build system's job act by its ID token",
          "Called in the job, by a hook of its runner: everything in the job's cgroup then\n"
          "acts for the job, for as long as the token lives. The token is read from\n"
          "standard input, so that it is in no list of processes.\n\n",
          o);
  attach->add_flag("--ci", o->ci, "the token is of a build system")->required();
  attach->add_option("--token-file", o->token_file, "read it from here instead")->type_name("FILE");
  attach->callback(run([o](PeopleLink& link) {
    return conclude(link.ask({.what = Ask::Attach,
                              .text = read_token(o->token_file.empty() ? "-" : o->token_file)}),
                    o->json);
  }));
}

}  // namespace veilwire::ctl
