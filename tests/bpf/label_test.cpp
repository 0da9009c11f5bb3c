// Labels: given at exec by name, path or argument, confirmed or cleared by user space, inherited by
// everything that is forked, found again on processes that ran before.
#include "agent/redirector/kernel_maps.h"
#include "agent/redirector/kernel_programs.h"
#include "tests/bpf/arena.h"
#include "tests/bpf/running.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace veilwire::tests {
namespace {

namespace fs = std::filesystem;

class LabelTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    settings_ = arena().settings();
    settings_.check = std::chrono::seconds(1);
  }
  void TearDown() override {
    proxy_ = {};
    for (const pid_t pid : strays_) ::kill(pid, SIGKILL);
    KernelTest::TearDown();
  }
  void start() {
    arena().start_redirector(settings_);
    proxy_ = arena().start_proxy();
  }

  // A copy of the test's client under a name below the arena.
  std::string install(const std::string& name) {
    const fs::path path = fs::path(arena().directory()) / name;
    fs::create_directories(path.parent_path());
    fs::copy_file(VEILWIRE_TEST_CLIENT, path, fs::copy_options::overwrite_existing);
    return path.string();
  }
  Running run(const std::string& path, std::vector<std::string> arguments,
              const std::string& name = "") {
    return {arena(), path, std::move(arguments), name};
  }

  std::optional<vw_label_state> state(std::uint32_t tgid) {
    const auto label = arena().maps().label(tgid);
    if (!label) return std::nullopt;
    return static_cast<vw_label_state>(label->word & VW_LABEL_STATE_MASK);
  }
  // Asks until it is so; false when it does not come about.
  bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline) {
      if (condition()) return true;
      ::poll(nullptr, 0, 2);
    }
    return false;
  }
  bool becomes(std::uint32_t tgid, vw_label_state expected) {
    return eventually([&] { return state(tgid) == expected; });
  }
  // A process that outlives its parent is ended with the test.
  std::uint32_t stray(pid_t pid) {
    strays_.push_back(pid);
    return static_cast<std::uint32_t>(pid);
  }

  redirector::Settings settings_;
  Arena::Proxy proxy_;
  std::vector<pid_t> strays_;
};

TEST_F(LabelTest, a_file_of_the_clients_name_is_in_scope_from_its_exec_on_and_then_confirmed) {
  start();
  Running client = run(install("bin/claude"), {"connect", kRemote4, "443", "wait"});
  const Connected got = client.get<Connected>();
  EXPECT_TRUE(labelled(got)) << "without waiting for user space";
  EXPECT_TRUE(becomes(client.tgid(), VW_LABEL_CONFIRMED));
  EXPECT_EQ(client.wait(), 0);
  EXPECT_FALSE(state(client.tgid())) << "gone with the process";
}

TEST_F(LabelTest, a_confirmed_executable_is_known_under_every_name) {
  start();
  const std::string path = install("bin/claude");
  {
    Running first = run(path, {"wait"});
    ASSERT_TRUE(becomes(first.tgid(), VW_LABEL_CONFIRMED));
  }
  const std::string other = arena().directory() + "/bin/unremarkable";
  fs::create_hard_link(path, other);
  const std::uint64_t before = arena().count(VW_REASON_LABEL_CONFIRMED);
  Running second = run(other, {"connect", kRemote4, "443", "wait"});
  const Connected got = second.get<Connected>();
  ASSERT_TRUE(labelled(got));
  EXPECT_EQ(got.reply.origin.flags & VW_ORIGIN_SUSPECT, 0U) << "no second look is needed";
  EXPECT_GT(arena().count(VW_REASON_LABEL_CONFIRMED), before);
  const auto known = arena().maps().executables();
  EXPECT_TRUE(std::any_of(known.begin(), known.end(), [&](const vw_exe& exe) {
    return exe.inode == got.reply.origin.exe.inode && exe.device == got.reply.origin.exe.device;
  })) << "the record names the executable by the key that is matched";
}

TEST_F(LabelTest, a_versioned_install_is_known_by_its_path) {
  start();
  Running client = run(install("claude/versions/2.1.3"), {"wait"});
  EXPECT_TRUE(becomes(client.tgid(), VW_LABEL_CONFIRMED));
}

TEST_F(LabelTest, another_program_that_is_only_called_so_is_cleared) {
  start();
  const std::string tool = install("bin/tool");
  const std::string link = arena().directory() + "/bin/claude";
  fs::create_symlink(tool, link);
  Running client = run(link, {"wait"});
  ASSERT_TRUE(becomes(client.tgid(), VW_LABEL_CLEARED));
  Running next = run(tool, {"wait"});
  EXPECT_FALSE(state(next.tgid())) << "the executable itself is nothing special";
}

TEST_F(LabelTest, a_cleared_process_passes) {
  start();
  const std::string link = arena().directory() + "/bin/claude";
  const std::string tool = install("bin/tool");
  fs::create_symlink(tool, link);
  Running client = run(link, {"wait", "connect", kRemote4, "443"});
  ASSERT_TRUE(becomes(client.tgid(), VW_LABEL_CLEARED));
  client.go();
  EXPECT_EQ(client.get<Connected>().error, ECONNREFUSED) << "nobody listens there; not redirected";
  EXPECT_EQ(arena().count(VW_REASON_REDIRECTED), 0U);
}

TEST_F(LabelTest, what_a_cleared_process_executes_is_judged_anew) {
  start();
  const std::string link = arena().directory() + "/bin/claude";
  fs::create_symlink(install("bin/tool"), link);
  const std::string real = install("real/claude");
  Running client = run(link, {"wait", "exec", real, "wait"});
  ASSERT_TRUE(becomes(client.tgid(), VW_LABEL_CLEARED));
  client.go();
  EXPECT_TRUE(becomes(client.tgid(), VW_LABEL_CONFIRMED));
}

TEST_F(LabelTest, children_of_a_suspect_share_its_verdict) {
  start();
  const std::string link = arena().directory() + "/bin/claude";
  fs::create_symlink(install("bin/tool"), link);
  Running client = run(link, {"child", "wait"});
  const std::uint32_t child = stray(client.get<pid_t>());
  EXPECT_TRUE(becomes(client.tgid(), VW_LABEL_CLEARED));
  EXPECT_TRUE(
      eventually([&] { return state(child).value_or(VW_LABEL_CLEARED) == VW_LABEL_CLEARED; }));
}

TEST_F(LabelTest, a_script_is_known_by_its_argument_and_its_interpreter_is_not_learnt) {
  start();
  const std::string node = install("bin/node");
  Running client = run(node, {"/usr/lib/node_modules/@anthropic-ai/claude-code/cli.js", "connect",
                              kRemote4, "443", "wait"});
  EXPECT_TRUE(labelled(client.get<Connected>()));
  ASSERT_TRUE(becomes(client.tgid(), VW_LABEL_CONFIRMED));
  Running other = run(node, {"/srv/app/server.js", "child", "wait"});
  stray(other.get<pid_t>());
  EXPECT_FALSE(state(other.tgid()));
}

TEST_F(LabelTest, a_script_is_known_by_the_link_that_an_interpreter_is_given) {
  start();
  Running client =
      run(install("bin/node"), {"/usr/local/bin/claude", "connect", kRemote4, "443", "wait"});
  EXPECT_TRUE(labelled(client.get<Connected>()));
  EXPECT_TRUE(becomes(client.tgid(), VW_LABEL_CONFIRMED));
}

TEST_F(LabelTest, a_process_that_only_mentions_the_client_is_cleared) {
  start();
  for (const char* mention : {"@anthropic-ai/claude-code", "/usr/local/bin/claude"}) {
    Running grep = run(install("bin/grep"), {"-r", mention, "wait"});
    EXPECT_TRUE(becomes(grep.tgid(), VW_LABEL_CLEARED)) << mention;
  }
}

TEST_F(LabelTest, a_label_outlives_double_fork_setsid_and_exec) {
  start();
  const std::string tool = install("bin/tool");
  Running client = run(install("bin/claude"), {"wait", "daemon", "exec", tool, "wait", "connect",
                                               kRemote4, "443", "wait"});
  const std::uint32_t root = client.tgid();
  ASSERT_TRUE(becomes(root, VW_LABEL_CONFIRMED));
  client.go();
  const std::uint32_t daemon = stray(client.get<pid_t>());
  client.go();
  const Connected got = client.get<Connected>();
  EXPECT_TRUE(labelled(got));
  EXPECT_EQ(got.reply.origin.tgid, daemon);
  const auto label = arena().maps().label(daemon);
  ASSERT_TRUE(label);
  EXPECT_EQ(label->root_tgid, root);
  EXPECT_EQ(got.reply.origin.exe.inode, label->exe.inode) << "of what it runs now";
  EXPECT_TRUE(eventually([&] { return !state(root); })) << "the parent is gone, and its label";
}

TEST_F(LabelTest, threads_connect_and_execute_under_their_processes_label) {
  start();
  const std::string tool = install("bin/tool");
  Running client = run(install("bin/claude"), {"thread", "connect", kRemote4, "443", "exec", tool,
                                               "connect", kRemote4, "80", "wait"});
  EXPECT_TRUE(labelled(client.get<Connected>()));
  const Connected got = client.get<Connected>();
  EXPECT_TRUE(labelled(got)) << "a thread that executes takes the leader's place";
  EXPECT_EQ(got.reply.origin.tgid, client.tgid());
}

TEST_F(LabelTest, a_wrapper_script_leads_to_its_client) {
  start();
  const std::string real = install("real/claude");
  const std::string wrapper = arena().directory() + "/bin/claude";
  fs::create_directories(arena().directory() + "/bin");
  std::ofstream(wrapper) << "#!/bin/sh\nexec " << real << " \"$@\"\n";
  fs::permissions(wrapper, fs::perms(0755));
  Running client = run(wrapper, {"connect", kRemote4, "443", "wait"});
  EXPECT_TRUE(labelled(client.get<Connected>()));
  EXPECT_TRUE(becomes(client.tgid(), VW_LABEL_CONFIRMED));
}

TEST_F(LabelTest, other_programs_are_not_labelled) {
  start();
  Running other = run(install("bin/claudette"), {"child", "wait"});
  stray(other.get<pid_t>());
  EXPECT_FALSE(state(other.tgid()));
}

TEST_F(LabelTest, clients_that_run_already_are_found_with_their_children) {
  Running client = run(install("bin/claude"), {"child", "exec", install("bin/tool"), "wait",
                                               "connect", kRemote4, "443", "wait"});
  const std::uint32_t child = stray(client.get<pid_t>());
  Running script = run(install("bin/node"), {"/x/@anthropic-ai/claude-code/cli.js", "child"});
  stray(script.get<pid_t>());
  start();
  EXPECT_EQ(state(client.tgid()), VW_LABEL_CONFIRMED);
  EXPECT_EQ(state(child), VW_LABEL_CONFIRMED);
  EXPECT_EQ(state(script.tgid()), VW_LABEL_CONFIRMED);
  client.go();
  EXPECT_TRUE(labelled(client.get<Connected>()));
}

TEST_F(LabelTest, what_happens_while_user_space_is_away_is_judged_when_it_returns) {
  start();
  arena().stop_redirector();
  const std::string link = arena().directory() + "/bin/claude";
  fs::create_symlink(install("bin/tool"), link);
  Running real = run(install("real/claude"), {"connect", kRemote4, "443", "wait"});
  Running false_one = run(link, {"connect", kRemote4, "443", "wait"});
  EXPECT_TRUE(labelled(real.get<Connected>()));
  EXPECT_TRUE(labelled(false_one.get<Connected>()));
  EXPECT_EQ(state(real.tgid()), VW_LABEL_SUSPECT);
  arena().start_redirector(settings_);
  EXPECT_TRUE(becomes(real.tgid(), VW_LABEL_CONFIRMED));
  EXPECT_TRUE(becomes(false_one.tgid(), VW_LABEL_CLEARED));
}

TEST_F(LabelTest, a_client_that_executes_a_tool_before_anybody_looked_stays_in_scope) {
  start();
  arena().stop_redirector();
  const std::string tool = install("bin/tool");
  const std::string client = install("bin/claude");
  Running leader = run(client, {"exec", tool, "wait", "connect", kRemote4, "443", "wait"});
  Running parent = run(client, {"daemon", "exec", tool, "wait"});
  const std::uint32_t orphan = stray(parent.get<pid_t>());
  const auto has_gone_on = [&](std::uint32_t tgid) {
    const auto label = arena().maps().label(tgid);
    return label && label->word >> 8 > label->suspected_at;
  };
  ASSERT_TRUE(eventually([&] { return has_gone_on(leader.tgid()) && has_gone_on(orphan); }));
  ASSERT_TRUE(eventually([&] { return !state(parent.tgid()); })) << "gone";
  EXPECT_EQ(state(leader.tgid()), VW_LABEL_SUSPECT);
  arena().start_redirector(settings_);
  EXPECT_TRUE(becomes(leader.tgid(), VW_LABEL_CONFIRMED));
  EXPECT_TRUE(becomes(orphan, VW_LABEL_CONFIRMED));
  leader.go();
  EXPECT_TRUE(labelled(leader.get<Connected>()));
}

TEST_F(LabelTest, no_exec_slips_away_from_a_verdict_in_the_making) {
  start();
  const std::string tool = install("bin/tool");
  const std::string client = install("bin/claude");
  for (int i = 0; i < 100; ++i) {
    // What is learnt from the first would spare the others the look.
    fs::copy_file(client, client + ".new");
    fs::rename(client + ".new", client);
    Running process = run(client, {"exec", tool, "connect", kRemote4, "443", "wait"});
    ASSERT_TRUE(labelled(process.get<Connected>())) << "in round " << i;
  }
}

TEST_F(LabelTest, no_exec_of_a_second_thread_slips_away_either) {
  start();
  const std::string tool = install("bin/tool");
  const std::string client = install("bin/claude");
  for (int i = 0; i < 100; ++i) {
    fs::copy_file(client, client + ".new");
    fs::rename(client + ".new", client);
    Running process = run(client, {"thread", "exec", tool, "connect", kRemote4, "443", "wait"});
    ASSERT_TRUE(labelled(process.get<Connected>())) << "in round " << i;
  }
}

TEST_F(LabelTest, a_redirector_that_starts_anew_loses_no_label_of_what_begins_meanwhile) {
  start();
  const std::string tool = install("bin/tool");
  const std::string client = install("bin/claude");
  for (int i = 0; i < 12; ++i) {
    std::vector<Running> begun;
    arena().signal_redirector(SIGKILL);
    for (int n = 0; n < 4; ++n) begun.push_back(run(client, {"exec", tool, "wait"}));
    arena().start_redirector(settings_);
    for (int n = 0; n < 4; ++n) begun.push_back(run(client, {"exec", tool, "wait"}));
    for (const Running& process : begun)
      EXPECT_TRUE(becomes(process.tgid(), VW_LABEL_CONFIRMED)) << "in round " << i;
  }
}

TEST_F(LabelTest, without_room_for_a_label_a_client_is_reported_and_counted) {
  start();
  redirector::KernelMaps maps = arena().maps();
  arena().signal_redirector(SIGSTOP);  // it would clear what belongs to nobody
  vw_label label{};
  label.start_boottime_ns = 1;
  label.word = VW_LABEL_CONFIRMED;
  std::uint32_t nobody = 1U << 30;  // beyond every pid
  while (maps.insert_label(nobody, label)) ++nobody;
  Running client = run(install("bin/claude"), {"child", "wait"});
  const std::uint32_t child = stray(client.get<pid_t>());
  EXPECT_FALSE(state(client.tgid()));
  EXPECT_FALSE(state(child));
  EXPECT_EQ(maps.counter(VW_REASON_LABEL_FULL), 1U);
  arena().signal_redirector(SIGCONT);
  arena().start_redirector(settings_);
  EXPECT_TRUE(becomes(client.tgid(), VW_LABEL_CONFIRMED)) << "found once there is room again";
  EXPECT_TRUE(becomes(child, VW_LABEL_CONFIRMED));
}

TEST_F(LabelTest, a_verdict_on_what_has_been_replaced_meanwhile_does_not_land) {
  start();
  Running client = run(install("bin/claude"), {"wait"});
  ASSERT_TRUE(becomes(client.tgid(), VW_LABEL_CONFIRMED));
  const auto label = arena().maps().label(client.tgid());
  const redirector::KernelPrograms programs(arena().pins());
  EXPECT_FALSE(programs.judge(
      {client.tgid(), 0, label->start_boottime_ns, label->word - (1U << 8), VW_LABEL_CLEARED}))
      << "an older exec's word";
  EXPECT_FALSE(programs.judge(
      {client.tgid(), 0, label->start_boottime_ns + 1, label->word, VW_LABEL_CLEARED}))
      << "another process of the same number";
  EXPECT_EQ(state(client.tgid()), VW_LABEL_CONFIRMED);
  EXPECT_TRUE(programs.judge({client.tgid(), 0, label->start_boottime_ns, label->word,
                              (label->word & ~VW_LABEL_STATE_MASK) | VW_LABEL_CLEARED}));
  EXPECT_EQ(state(client.tgid()), VW_LABEL_CLEARED);
}

}  // namespace
}  // namespace veilwire::tests
