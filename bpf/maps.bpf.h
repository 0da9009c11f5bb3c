/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Every map: key, value, who writes, who reads, how long an entry lives, and what happens when it
 * is full. All are pinned and outlive the redirector. No global variables: they would make maps of
 * their own.
 *
 * Tested by tests/bpf/layout_test.cpp (sizes) and the redirect tests.
 */
#ifndef VEILWIRE_BPF_MAPS_BPF_H
#define VEILWIRE_BPF_MAPS_BPF_H

#include "bpf/prelude.bpf.h"

/* Mode and policy. Written by the redirector, read by every program. One element. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct vw_settings);
} settings SEC(".maps");

/* The proxy's sign of life. Written by the proxy through a mapping, so that it goes on while the
 * redirector is away; read at connect. One element. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct vw_heartbeat);
} heartbeat SEC(".maps");

/* enum vw_reason -> count. Written by all programs, read by status. */
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, VW_REASON_COUNT);
  __type(key, __u32);
  __type(value, __u64);
} counters SEC(".maps");

/* tgid -> label. Written at fork, exec and exit, and by the redirector (new entries at its start,
 * verdicts through the judge program); read at connect. Lives as long as the process. Full: the
 * process is not labelled, which is counted and reported as an event, because it is then missed. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __type(key, __u32);
  __type(value, struct vw_label);
} labels SEC(".maps");

/* Confirmed executables -> 1. Written by the redirector, read at exec. Full: the name match still
 * works. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __type(key, struct vw_exe);
  __type(value, __u32);
} executables SEC(".maps");

/* What to look for at exec. Written by the redirector, read at exec. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, VW_NEEDLE_COUNT);
  __type(key, __u32);
  __type(value, struct vw_needle);
} needles SEC(".maps");

/* struct vw_event. Full: the event is lost and counted; the redirector's sweep finds what it
 * missed. */
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 256 * 1024);
} events SEC(".maps");

/* Host-order port -> VW_PORT_*. Written by the redirector, read at connect and send. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __type(key, __u16);
  __type(value, __u32);
} ports SEC(".maps");

/* Addresses of intercepted hosts. Written by the redirector (configuration, and what the proxy
 * resolves), read at connect. Full: refused to the writer. */
struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 16384);
  __type(key, struct vw_prefix4);
  __type(value, __u32);
} targets4 SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 16384);
  __type(key, struct vw_prefix6);
  __type(value, __u32);
} targets6 SEC(".maps");

/* Single addresses with a port, loopback allowed. Written by the redirector, read at connect. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024);
  __type(key, struct vw_endpoint);
  __type(value, __u32);
} endpoints SEC(".maps");

/* Network namespace cookie -> the proxy's ports there. Written by the redirector when a listener is
 * registered, read at connect. A port without an authentic listener counts as dead. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024);
  __type(key, __u64);
  __type(value, struct vw_listener);
} listeners SEC(".maps");

/* The mark of an authentic listener. Written by the redirector, read at connect; dies with the
 * socket. */
struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct vw_listener_mark);
} marks SEC(".maps");

/* Sockets that stay in scope whoever connects them. Written at creation and UDP connect, dies with
 * the socket. */
struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct vw_socket);
} sockets SEC(".maps");

/* The record of a redirected client socket. Written at connect, read by the hand-off and
 * getpeername; removed by the socket's next connect, dies with the socket. */
struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct vw_origin);
} origins SEC(".maps");

/* Connection -> record, between SYN and accept. Written and deleted by the two sockops programs.
 * Full: no record, so the proxy closes the connection. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __type(key, struct vw_tuple);
  __type(value, struct vw_origin);
} handoff SEC(".maps");

/* The record of an accepted socket. Written when it is established, read by getsockopt, dies with
 * it. */
struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct vw_origin);
} accepted SEC(".maps");

/* Texts that exec matches against: too large for the stack. One user a cpu: tracepoints run with
 * preemption disabled. */
#define VW_TEXT_LENGTH 2048
struct vw_text {
  __u8 bytes[VW_TEXT_LENGTH + VW_NEEDLE_LENGTH];
};
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct vw_text);
} texts SEC(".maps");

#endif /* VEILWIRE_BPF_MAPS_BPF_H */
