// abi.h as the C++ compiler lays it out against the BTF of the built object: sizes, every member's
// offset, no member forgotten, no hole; and the maps against the text of their layout's version.
// Needs no privilege.
#include "bpf/abi.h"

#include <cstddef>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>

namespace {

struct Member {
  std::string_view name;
  std::size_t offset;
  std::size_t size;
};

class LayoutTest : public ::testing::Test {
 protected:
  void SetUp() override {
    btf_.reset(::btf__parse_elf(VEILWIRE_BINARY_DIR "/bpf/veilwire.bpf.o", nullptr));
    ASSERT_NE(btf_, nullptr) << "the built object has BTF";
  }

  void expect_same(const char* name, std::size_t size, const std::vector<Member>& members) {
    const int id = ::btf__find_by_name_kind(btf_.get(), name, BTF_KIND_STRUCT);
    ASSERT_GT(id, 0) << name << " is not in the object's BTF";
    const btf_type* type = ::btf__type_by_id(btf_.get(), static_cast<unsigned>(id));
    EXPECT_EQ(type->size, size) << name;
    EXPECT_EQ(size % 4, 0U) << name;
    ASSERT_EQ(::btf_vlen(type), members.size()) << name << ": this test forgets a member";
    const btf_member* kernel = ::btf_members(type);
    std::size_t end = 0;
    for (std::size_t i = 0; i < members.size(); ++i) {
      EXPECT_EQ(::btf__name_by_offset(btf_.get(), kernel[i].name_off), members[i].name) << name;
      EXPECT_EQ(::btf_member_bit_offset(type, static_cast<unsigned>(i)), members[i].offset * 8)
          << name << "." << members[i].name;
      EXPECT_EQ(members[i].offset, end) << name << "." << members[i].name << ": a hole before it";
      end = members[i].offset + members[i].size;
    }
    EXPECT_EQ(end, size) << name << ": a hole at the end";
  }

  struct Free {
    void operator()(btf* b) const { ::btf__free(b); }
  };
  std::unique_ptr<btf, Free> btf_;
};

#define MEMBER(type, name) \
  Member { #name, offsetof(type, name), sizeof(type::name) }

TEST_F(LayoutTest, origin) {
  expect_same(
      "vw_origin", sizeof(vw_origin),
      {MEMBER(vw_origin, version), MEMBER(vw_origin, destination_port), MEMBER(vw_origin, flags),
       MEMBER(vw_origin, destination), MEMBER(vw_origin, bound_ifindex), MEMBER(vw_origin, uid),
       MEMBER(vw_origin, gid), MEMBER(vw_origin, loginuid), MEMBER(vw_origin, audit_session),
       MEMBER(vw_origin, tgid), MEMBER(vw_origin, own_tgid), MEMBER(vw_origin, reserved),
       MEMBER(vw_origin, start_boottime_ns), MEMBER(vw_origin, cgroup_id),
       MEMBER(vw_origin, netns_cookie), MEMBER(vw_origin, exe), MEMBER(vw_origin, connected_at_ns),
       MEMBER(vw_origin, comm)});
  EXPECT_EQ(sizeof(vw_origin), 120U) << "a released proxy may run against a newer kernel side";
}

TEST_F(LayoutTest, exe) {
  expect_same("vw_exe", sizeof(vw_exe),
              {MEMBER(vw_exe, inode), MEMBER(vw_exe, device), MEMBER(vw_exe, generation)});
}

TEST_F(LayoutTest, tuple) {
  expect_same("vw_tuple", sizeof(vw_tuple),
              {MEMBER(vw_tuple, netns_cookie), MEMBER(vw_tuple, source),
               MEMBER(vw_tuple, destination), MEMBER(vw_tuple, source_port),
               MEMBER(vw_tuple, destination_port), MEMBER(vw_tuple, reserved)});
}

TEST_F(LayoutTest, label_and_judgement) {
  expect_same(
      "vw_label", sizeof(vw_label),
      {MEMBER(vw_label, start_boottime_ns), MEMBER(vw_label, word),
       MEMBER(vw_label, root_start_boottime_ns), MEMBER(vw_label, root_tgid),
       MEMBER(vw_label, suspected_at), MEMBER(vw_label, exe), MEMBER(vw_label, memory_map)});
  expect_same("vw_judgement", sizeof(vw_judgement),
              {MEMBER(vw_judgement, tgid), MEMBER(vw_judgement, reserved),
               MEMBER(vw_judgement, start_boottime_ns), MEMBER(vw_judgement, expected),
               MEMBER(vw_judgement, desired)});
}

TEST_F(LayoutTest, needle_and_event) {
  expect_same("vw_needle", sizeof(vw_needle),
              {MEMBER(vw_needle, where), MEMBER(vw_needle, length), MEMBER(vw_needle, text),
               MEMBER(vw_needle, mask)});
  expect_same("vw_event", sizeof(vw_event),
              {MEMBER(vw_event, kind), MEMBER(vw_event, tgid), MEMBER(vw_event, own_tgid),
               MEMBER(vw_event, reserved), MEMBER(vw_event, start_boottime_ns),
               MEMBER(vw_event, word), MEMBER(vw_event, exe), MEMBER(vw_event, comm)});
}

TEST_F(LayoutTest, selection_keys) {
  expect_same("vw_prefix4", sizeof(vw_prefix4),
              {MEMBER(vw_prefix4, bits), MEMBER(vw_prefix4, address)});
  expect_same("vw_prefix6", sizeof(vw_prefix6),
              {MEMBER(vw_prefix6, bits), MEMBER(vw_prefix6, address)});
  expect_same(
      "vw_endpoint", sizeof(vw_endpoint),
      {MEMBER(vw_endpoint, address), MEMBER(vw_endpoint, port), MEMBER(vw_endpoint, reserved)});
}

TEST_F(LayoutTest, listeners_and_sockets) {
  expect_same(
      "vw_listener", sizeof(vw_listener),
      {MEMBER(vw_listener, port4), MEMBER(vw_listener, port6), MEMBER(vw_listener, reserved)});
  expect_same("vw_listener_mark", sizeof(vw_listener_mark), {MEMBER(vw_listener_mark, mark)});
  expect_same("vw_socket", sizeof(vw_socket),
              {MEMBER(vw_socket, flags), MEMBER(vw_socket, reserved)});
  expect_same("vw_heartbeat", sizeof(vw_heartbeat), {MEMBER(vw_heartbeat, beat_ns)});
}

TEST_F(LayoutTest, settings) {
  expect_same("vw_settings", sizeof(vw_settings),
              {MEMBER(vw_settings, mode), MEMBER(vw_settings, egress_policy),
               MEMBER(vw_settings, proxy_cgroup_level), MEMBER(vw_settings, pid_level),
               MEMBER(vw_settings, proxy_cgroup_id), MEMBER(vw_settings, heartbeat_limit_ns),
               MEMBER(vw_settings, needle_first), MEMBER(vw_settings, shared_egress),
               MEMBER(vw_settings, pid_namespace), MEMBER(vw_settings, reserved)});
  EXPECT_EQ(offsetof(vw_settings, mode), 0U) << "detach relies on it for every layout version";
}

TEST_F(LayoutTest, place) {
  expect_same("vw_place", sizeof(vw_place),
              {MEMBER(vw_place, pid_level), MEMBER(vw_place, pid_namespace),
               MEMBER(vw_place, cgroup_level), MEMBER(vw_place, reserved)});
}

TEST_F(LayoutTest, iterated_structs) {
  expect_same(
      "vw_process", sizeof(vw_process),
      {MEMBER(vw_process, tgid), MEMBER(vw_process, parent_tgid), MEMBER(vw_process, own_tgid),
       MEMBER(vw_process, reserved), MEMBER(vw_process, start_boottime_ns), MEMBER(vw_process, exe),
       MEMBER(vw_process, memory_map)});
  expect_same("vw_marked_listener", sizeof(vw_marked_listener),
              {MEMBER(vw_marked_listener, netns_cookie), MEMBER(vw_marked_listener, port),
               MEMBER(vw_marked_listener, six), MEMBER(vw_marked_listener, listening),
               MEMBER(vw_marked_listener, reserved)});
  expect_same("vw_redirected", sizeof(vw_redirected),
              {MEMBER(vw_redirected, source), MEMBER(vw_redirected, source_port),
               MEMBER(vw_redirected, reserved), MEMBER(vw_redirected, origin)});
}

// All that makes a pinned map of one build useless to another: its shape, and its structs' members.
std::string describe(const bpf_object* object) {
  std::ostringstream out;
  const bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    out << ::bpf_map__name(map) << " type " << ::bpf_map__type(map) << " key "
        << ::bpf_map__key_size(map) << " value " << ::bpf_map__value_size(map) << " entries "
        << ::bpf_map__max_entries(map) << " flags " << ::bpf_map__map_flags(map) << "\n";
    for (const unsigned id : {::bpf_map__btf_key_type_id(map), ::bpf_map__btf_value_type_id(map)}) {
      const btf* types = ::bpf_object__btf(object);
      const btf_type* type = ::btf__type_by_id(types, id);
      if (type == nullptr || !::btf_is_struct(type)) continue;
      out << "  " << ::btf__name_by_offset(types, type->name_off) << ":";
      for (unsigned i = 0; i < ::btf_vlen(type); ++i)
        out << " " << ::btf__name_by_offset(types, ::btf_members(type)[i].name_off) << "@"
            << ::btf_member_bit_offset(type, i) / 8;
      out << "\n";
    }
  }
  return out.str();
}

TEST_F(LayoutTest, the_maps_are_those_of_their_layouts_version) {
  const std::unique_ptr<bpf_object, decltype(&::bpf_object__close)> object(
      ::bpf_object__open_file(VEILWIRE_BINARY_DIR "/bpf/veilwire.bpf.o", nullptr),
      &::bpf_object__close);
  ASSERT_NE(object, nullptr);
  const std::string name = "/tests/golden/kernel/layout_v" + std::to_string(VW_LAYOUT_VERSION);
  std::ifstream golden(VEILWIRE_SOURCE_DIR + name + ".txt");
  EXPECT_EQ(describe(object.get()), std::string(std::istreambuf_iterator<char>(golden), {}))
      << "A redirector finds the pins of its version and re-uses them: raise VW_LAYOUT_VERSION, "
         "and keep this text under the new number.";
}

TEST_F(LayoutTest, every_struct_of_the_header_is_compared) {
  std::ifstream header(VEILWIRE_SOURCE_DIR "/bpf/abi.h");
  std::ifstream test(VEILWIRE_SOURCE_DIR "/tests/bpf/layout_test.cpp");
  const std::string tested{std::istreambuf_iterator<char>(test), {}};
  int structs = 0;
  for (std::string line; std::getline(header, line);) {
    if (!line.starts_with("struct vw_") || !line.ends_with("{")) continue;
    const std::string name = line.substr(7, line.find(' ', 7) - 7);
    EXPECT_NE(tested.find("\"" + name + "\""), std::string::npos) << name;
    ++structs;
  }
  EXPECT_GE(structs, 17);
}

}  // namespace
