/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The one header that kernel programs and user space share: the structs and constants of both.
 *
 * Rules: fixed widths, explicit padding, never packed, every struct's size a multiple of 8
 * (but for the keys of the prefix maps, whose layout the kernel gives).
 * Addresses are always 16 bytes in network order, IPv4 in its v4-mapped form ::ffff:a.b.c.d; ports
 * are in HOST order. Plain C, usable from C++. A change of any map's key, value or
 * size raises VW_LAYOUT_VERSION, which names the pin directory; a new counter is one.
 *
 * Tested by tests/bpf/layout_test.cpp, which compares this header with the BTF of the built object,
 * and the maps with the version's text in tests/golden/kernel.
 */
#ifndef VEILWIRE_BPF_ABI_H
#define VEILWIRE_BPF_ABI_H

#include <linux/types.h>

#define VW_LAYOUT_VERSION 4

/* A process has a number in each PID namespace that it is visible from. In this header tgid is the
 * one of the initial namespace: the kernel's own, unique, and the key of the maps. own_tgid is the
 * one of the redirector's namespace: what /proc, kill and SO_PEERCRED say there, and 0 for a
 * process that lives outside of it. Where the redirector is in the initial namespace, both are the
 * same.
 */

/* ---- what the proxy asks of an accepted socket ----
 *
 *   struct vw_origin origin;
 *   socklen_t size = sizeof(origin);
 *   getsockopt(accepted_fd, VW_SOL_VEILWIRE, VW_SO_ORIGIN, &origin, &size)
 *
 * 0: filled, size is sizeof(origin), origin.version is VW_ORIGIN_VERSION.
 * ENOENT: nobody was redirected here (somebody dialled the port directly): close, and count it.
 * ENOPROTOOPT: the kernel side is not attached to this process's cgroup: close, and complain.
 * EINVAL: the buffer is smaller than sizeof(origin). No capability is needed.
 */
#define VW_SOL_VEILWIRE 0x7677 /* "vw" */
#define VW_SO_ORIGIN 1
#define VW_ORIGIN_VERSION 2

#define VW_COMM_LENGTH 16
#define VW_UNSET_ID 0xffffffffu /* loginuid and audit session when nobody logged in */

/* vw_origin.flags */
#define VW_ORIGIN_LABELLED (1u << 0)        /* the connecting task carries a label */
#define VW_ORIGIN_SUSPECT (1u << 1)         /* ... which user space has not confirmed yet */
#define VW_ORIGIN_SOCKET_LABELLED (1u << 2) /* the socket was created by a labelled task */
#define VW_ORIGIN_TARGET (1u << 3)          /* the destination is an intercepted address */
#define VW_ORIGIN_ENDPOINT (1u << 4)        /* the destination is a listed address and port (MCP) */
#define VW_ORIGIN_EGRESS_FILTERED (1u << 5) /* egress programs bind the client, not the proxy */

/* An executable file, as the kernel names it. device is the kernel's own encoding, (major << 20) |
 * minor; on btrfs and overlayfs it differs from what stat(2) says, so it is learnt from kernel
 * events only. */
struct vw_exe {
  __u64 inode;
  __u32 device;
  __u32 generation;
};

/* Who connected where. Taken inside the connect hook: no race with /proc can change it. */
struct vw_origin {
  __u16 version;          /* VW_ORIGIN_VERSION */
  __u16 destination_port; /* host order */
  __u32 flags;            /* VW_ORIGIN_* */
  __u8 destination[16];   /* where the client wanted to go; IPv4 as ::ffff:a.b.c.d */
  __u32 bound_ifindex; /* SO_BINDTODEVICE of the client, 0 if none: the proxy applies it upstream */
  __u32 uid; /* effective ids of the connecting task, as the initial user namespace sees them */
  __u32 gid;
  __u32 loginuid;      /* VW_UNSET_ID if none */
  __u32 audit_session; /* VW_UNSET_ID if none */
  __u32 tgid;
  __u32 own_tgid;
  __u32 reserved; /* zero */
  __u64 start_boottime_ns;
  __u64 cgroup_id;
  __u64 netns_cookie; /* of the client's socket, which is also the accepted socket's */
  struct vw_exe exe;
  __u64 connected_at_ns;     /* CLOCK_MONOTONIC at connect */
  char comm[VW_COMM_LENGTH]; /* set by the process itself, NUL-terminated: for display only */
};

/* ---- keys and values of the maps ---- */

/* hand-off: one connection between its SYN and its accept. Lives for microseconds. */
struct vw_tuple {
  __u64 netns_cookie;
  __u8 source[16];
  __u8 destination[16];
  __u16 source_port;
  __u16 destination_port;
  __u32 reserved; /* zero */
};

/* States of a label: the low 8 bits of vw_label.word. */
enum vw_label_state {
  VW_LABEL_NONE = 0,
  VW_LABEL_SUSPECT = 1,   /* name or argument matched at exec; in scope, waits for user space */
  VW_LABEL_CONFIRMED = 2, /* in scope */
  VW_LABEL_CLEARED =
      3, /* user space found it to be something else; out of scope until its next exec */
  VW_LABEL_EXEMPT = 4, /* the proxy itself; not inherited */
};
#define VW_LABEL_STATE_MASK 0xffull

/* labels: tgid -> label. A label whose start time is not the task's belongs to a former owner of
 * the tgid. */
struct vw_label {
  __u64 start_boottime_ns;
  __u64 word; /* state | (exec count << 8): user space changes it by compare-and-swap only */
  __u64 root_start_boottime_ns;
  __u32 root_tgid; /* the process whose exec gave the label to this tree */
  /* The exec count (its low 32 bits) of the oldest suspicion that nobody has judged. If the word
   * has gone on since, no evidence can clear the process: what made it suspect is gone. */
  __u32 suspected_at;
  struct vw_exe exe;
  /* Which memory map the label speaks of: a number to compare, nothing to follow. Between a new map
   * and its exec's label, what /proc shows is not what the label means. */
  __u64 memory_map;
};

/* Argument of the program that compares and swaps a label's word for user space. */
struct vw_judgement {
  __u32 tgid;
  __u32 reserved; /* zero */
  __u64 start_boottime_ns;
  __u64 expected;
  __u64 desired;
};

/* needles: byte strings looked for at exec. The path text is "/resolved/path\0/name as executed\0",
 * so that the needle "/claude\0" means a basename; the argument text is argv as the kernel keeps
 * it, each argument ended by NUL. A needle's text is zero beyond its length, its mask 0xff up to
 * it. */
#define VW_NEEDLE_LENGTH 48
#define VW_NEEDLE_COUNT 16
#define VW_NEEDLE_PATH (1u << 0)
#define VW_NEEDLE_ARGUMENT (1u << 1)
struct vw_needle {
  __u32 where;  /* VW_NEEDLE_*, 0: unused */
  __u32 length; /* at most VW_NEEDLE_LENGTH */
  __u8 text[VW_NEEDLE_LENGTH];
  __u8 mask[VW_NEEDLE_LENGTH];
};

/* Events of the ring buffer. */
enum vw_event_kind {
  VW_EVENT_SUSPECT = 1,   /* a name or argument matched: user space confirms or clears */
  VW_EVENT_CONFIRMED = 2, /* a known executable was started */
  VW_EVENT_LABEL_LOST = 3 /* the label map is full: this process is not labelled */
};
struct vw_event {
  __u32 kind;
  __u32 tgid;
  __u32 own_tgid;
  __u32 reserved; /* zero */
  __u64 start_boottime_ns;
  __u64 word;
  struct vw_exe exe;
  char comm[VW_COMM_LENGTH];
};

/* targets4, targets6: longest-prefix keys; the value is not used. */
struct vw_prefix4 {
  __u32 bits;
  __u8 address[4];
};
struct vw_prefix6 {
  __u32 bits;
  __u8 address[16];
};

/* endpoints: one address and port, loopback allowed. */
struct vw_endpoint {
  __u8 address[16];
  __u16 port;
  __u16 reserved[3]; /* zero */
};

/* ports: host order port -> VW_PORT_*. */
#define VW_PORT_LABELLED (1u << 0) /* connects of labelled tasks to any address */
#define VW_PORT_TARGET (1u << 1)   /* connects of any task to target addresses */
#define VW_PORT_QUIC (1u << 2)     /* the same selection refuses to send UDP there */

/* listeners: network namespace cookie -> the proxy's loopback ports there; 0 means none of that
 * family. */
struct vw_listener {
  __u16 port4;
  __u16 port6;
  __u32 reserved; /* zero */
};

/* sk_storage of an authentic listener; only the redirector writes it. */
#define VW_LISTENER_MARK 0x7665696c77697265ull
struct vw_listener_mark {
  __u64 mark;
};

/* sk_storage of a socket created by a labelled task, or UDP-connected where sends are refused. */
#define VW_SOCKET_LABELLED (1u << 0)
#define VW_SOCKET_QUIC (1u << 1)
struct vw_socket {
  __u32 flags;
  __u32 reserved; /* zero */
};

/* The heartbeat map: one element, mapped by the proxy, which stores CLOCK_MONOTONIC nanoseconds
 * once a second. */
struct vw_heartbeat {
  __u64 beat_ns;
};

enum vw_mode {
  VW_MODE_OFF = 0,    /* nothing is redirected or refused */
  VW_MODE_CLOSED = 1, /* while the proxy is dead, in-scope connects are refused */
  VW_MODE_OPEN = 2    /* while the proxy is dead, they pass and are counted */
};
enum vw_egress_policy {
  VW_EGRESS_REFUSE = 0,   /* refuse: neither unfiltered nor uninspected */
  VW_EGRESS_PASS = 1,     /* leave it to the filter: uninspected */
  VW_EGRESS_REDIRECT = 2, /* redirect with VW_ORIGIN_EGRESS_FILTERED */
};
#define VW_SHARED_EGRESS_COUNT 8

struct vw_settings {
  __u32 mode;               /* enum vw_mode */
  __u32 egress_policy;      /* enum vw_egress_policy */
  __u32 proxy_cgroup_level; /* depth of proxy_cgroup_id below the cgroup2 root, which is 0 */
  __u32 pid_level;          /* vw_place of the redirector */
  __u64 proxy_cgroup_id;    /* 0: none; tasks below it are exempt */
  __u64 heartbeat_limit_ns; /* 0: heartbeat not required */
  __u8 needle_first[32];    /* bit set of the needles' first bytes, so that most positions cost one
                               test */
  __u32 shared_egress[VW_SHARED_EGRESS_COUNT]; /* ids of egress programs that bind the proxy too, or
                                                  are ours */
  __u32 pid_namespace;                         /* vw_place of the redirector */
  __u32 reserved;                              /* zero */
};

/* Where a process stands among the namespaces: what it cannot ask of the kernel itself, since to it
 * its own are the outermost ones. Answered by a program that it runs. */
struct vw_place {
  __u32 pid_level;     /* 0: the initial PID namespace */
  __u32 pid_namespace; /* inode number of /proc/self/ns/pid */
  __u32 cgroup_level;  /* depth of the root of its cgroup namespace below the cgroup2 root */
  __u32 reserved;      /* zero */
};

/* What the iterators write, one struct after the other. */
struct vw_process {
  __u32 tgid;
  __u32 parent_tgid;
  __u32 own_tgid; /* by the namespace of who reads it, which sees no others than its own */
  __u32 reserved; /* zero */
  __u64 start_boottime_ns;
  struct vw_exe exe;
  __u64 memory_map; /* as in vw_label; 0: its main thread has ended */
};
struct vw_marked_listener {
  __u64 netns_cookie;
  __u16 port; /* host order */
  __u8 six;
  __u8 listening;
  __u32 reserved; /* zero */
};
struct vw_redirected {
  __u8 source[16];
  __u16 source_port;
  __u16 reserved[3]; /* zero */
  struct vw_origin origin;
};

/* ---- counters ----
 *
 * Index of the per-cpu counter array, and the name that status prints. Every return of every
 * program that is not the plain "not ours" of a foreign protocol passes through one of these.
 * Append only.
 */
#define VW_REASONS(X)                                 \
  X(OFF, "mode_off")                                  \
  X(NO_SETTINGS, "no_settings")                       \
  X(NOT_TCP_OR_UDP, "not_tcp_or_udp")                 \
  X(PROXY_EXEMPT, "proxy_exempt")                     \
  X(LOOPBACK, "loopback_passed")                      \
  X(PORT_NOT_IN_SCOPE, "port_not_in_scope")           \
  X(NOT_SELECTED, "not_selected")                     \
  X(REDIRECTED, "redirected")                         \
  X(NO_LISTENER_HERE, "no_listener_in_namespace")     \
  X(LISTENER_DEAD, "listener_dead")                   \
  X(LISTENER_NOT_AUTHENTIC, "listener_not_authentic") \
  X(HEARTBEAT_STALE, "heartbeat_stale")               \
  X(REFUSED_CLOSED, "refused_proxy_dead")             \
  X(PASSED_OPEN, "passed_proxy_dead")                 \
  X(EGRESS_REFUSED, "egress_filtered_refused")        \
  X(EGRESS_PASSED, "egress_filtered_passed")          \
  X(EGRESS_REDIRECTED, "egress_filtered_redirected")  \
  X(NO_STORAGE, "no_socket_storage")                  \
  X(DEVICE_NOT_CLEARED, "device_not_cleared")         \
  X(DEVICE_NOT_RESTORED, "device_not_restored")       \
  X(QUIC_MARKED, "quic_socket_marked")                \
  X(QUIC_SEND_REFUSED, "quic_send_refused")           \
  X(QUIC_PACKET_REFUSED, "quic_packet_refused")       \
  X(HANDED_OFF, "handed_off")                         \
  X(HANDOFF_FULL, "handoff_full")                     \
  X(CONNECT_WITHOUT_RECORD, "connect_without_record") \
  X(ACCEPTED, "accepted")                             \
  X(ACCEPT_WITHOUT_RECORD, "accept_without_record")   \
  X(ACCEPT_NO_STORAGE, "accept_no_storage")           \
  X(HANDOFF_DROPPED, "handoff_dropped")               \
  X(ORIGIN_READ, "origin_read")                       \
  X(ORIGIN_MISSING, "origin_missing")                 \
  X(ORIGIN_BUFFER, "origin_buffer_too_small")         \
  X(ORIGIN_OPTION, "origin_unknown_option")           \
  X(PEER_NAME_GIVEN, "peer_name_given")               \
  X(SOCKET_LABELLED, "socket_labelled")               \
  X(SOCKET_NO_STORAGE, "socket_no_storage")           \
  X(LABEL_INHERITED, "label_inherited")               \
  X(LABEL_STALE, "label_stale")                       \
  X(LABEL_FULL, "label_full")                         \
  X(LABEL_SUSPECT, "label_suspect")                   \
  X(LABEL_CONFIRMED, "label_confirmed")               \
  X(LABEL_KEPT, "label_kept_over_exec")               \
  X(LABEL_EXIT, "label_exit")                         \
  X(LABEL_JUDGED, "label_judged")                     \
  X(LABEL_CHANGED, "label_changed_before_judgement")  \
  X(EVENT_LOST, "event_lost")                         \
  X(ARGUMENTS_UNREADABLE, "arguments_unreadable")     \
  X(ARGUMENTS_CUT, "arguments_cut")                   \
  X(EGRESS_UNKNOWN, "egress_filter_unknown")          \
  X(LINK_LOCAL, "link_local_destination")             \
  X(V6_ONLY, "v6_only_socket_without_listener")       \
  X(QUIC_PACKET_UNKNOWN, "quic_packet_unreadable")    \
  X(SOCKOPS_NO_SOCKET, "hand_off_without_socket")     \
  X(HANDOFF_UNWATCHED, "handoff_unwatched")

#define VW_REASON_ENUM(name, text) VW_REASON_##name,
enum vw_reason { VW_REASONS(VW_REASON_ENUM) VW_REASON_COUNT };
#undef VW_REASON_ENUM

#endif /* VEILWIRE_BPF_ABI_H */
