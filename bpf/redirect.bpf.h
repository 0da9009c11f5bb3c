/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The connect hooks: select, find the authentic listener, write the record, rewrite the
 * destination.
 *
 * The listener is looked up at every connect and must carry the redirector's mark: a dead proxy is
 * seen by the very next connect and a squatter on the port is never used. While it is dead, closed
 * mode refuses all that is in scope: a target or an endpoint is so for every process, the latter on
 * loopback as well, because somebody has named it. A network namespace without a listener is one
 * with a dead proxy.
 *
 * Tested by tests/bpf/redirect_test.cpp and tests/bpf/lifecycle_test.cpp.
 */
#ifndef VEILWIRE_BPF_REDIRECT_BPF_H
#define VEILWIRE_BPF_REDIRECT_BPF_H

#include "bpf/egress.bpf.h"
#include "bpf/select.bpf.h"

/* A heartbeat from the future is as bad as an old one: a clock that is not ours. */
#define VW_HEARTBEAT_AHEAD_NS 1000000000ull

#define VW_PASS 1
#define VW_REFUSE 0

vw_inline int vw_refuse(__u32 reason) {
  vw_count(reason);
  bpf_set_retval(-VW_ECONNREFUSED);
  return VW_REFUSE;
}

vw_inline int vw_pass(__u32 reason) {
  vw_count(reason);
  return VW_PASS;
}

/* A connect, or an unconnected send, as plain values. */
struct vw_attempt {
  struct vw_address destination;
  __u16 port; /* host order */
  __u8 native6;
};

vw_inline void vw_attempt4(struct bpf_sock_addr* ctx, struct vw_attempt* attempt) {
  attempt->destination = vw_address4(vw_load(ctx, user_ip4));
  attempt->port = bpf_ntohs((__u16)vw_load(ctx, user_port));
  attempt->native6 = 0;
  vw_resolve_unspecified(&attempt->destination);
}

vw_inline void vw_attempt6(struct bpf_sock_addr* ctx, struct vw_attempt* attempt) {
  __u32 a = vw_load(ctx, user_ip6[0]);
  __u32 b = vw_load(ctx, user_ip6[1]);
  __u32 c = vw_load(ctx, user_ip6[2]);
  __u32 d = vw_load(ctx, user_ip6[3]);
  attempt->destination = vw_address6(a, b, c, d);
  attempt->port = bpf_ntohs((__u16)vw_load(ctx, user_port));
  vw_resolve_unspecified(&attempt->destination);
  attempt->native6 = !vw_is_mapped4(&attempt->destination);
}

/* Is an authentic listener there? VW_REASON_REDIRECTED, or why not. */
vw_inline __u32 vw_probe(struct bpf_sock_addr* ctx, int six, __u16 port) {
  struct bpf_sock_tuple tuple = {};
  struct bpf_sock* listener;
  if (six) {
    tuple.ipv6.daddr[3] = bpf_htonl(1);
    tuple.ipv6.dport = bpf_htons(port);
    listener = bpf_sk_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
  } else {
    tuple.ipv4.daddr = bpf_htonl(0x7f000001);
    tuple.ipv4.dport = bpf_htons(port);
    listener = bpf_sk_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
  }
  if (!listener) return VW_REASON_LISTENER_DEAD;
  struct vw_listener_mark* mark = bpf_sk_storage_get(&marks, listener, 0, 0);
  __u32 reason = VW_REASON_REDIRECTED;
  if (!mark || mark->mark != VW_LISTENER_MARK)
    reason = VW_REASON_LISTENER_NOT_AUTHENTIC;
  else if (listener->state != BPF_TCP_LISTEN)
    reason = VW_REASON_LISTENER_DEAD;
  bpf_sk_release(listener);
  return reason;
}

vw_inline int vw_heart_beats(const struct vw_settings* set) {
  __u32 zero = 0;
  const struct vw_heartbeat* beat = bpf_map_lookup_elem(&heartbeat, &zero);
  if (!set->heartbeat_limit_ns) return 1;
  if (!beat) return 0;
  __u64 now = bpf_ktime_get_ns();
  __u64 then = *(const volatile __u64*)&beat->beat_ns;
  if (then > now) return then - now <= VW_HEARTBEAT_AHEAD_NS;
  return now - then <= set->heartbeat_limit_ns;
}

/* An IPv6-only socket cannot reach a v4-mapped address. */
vw_inline int vw_is_v6_only(struct bpf_sock_addr* ctx) {
  struct tcp_sock* tcp = bpf_skc_to_tcp_sock(ctx->sk);
  if (!tcp) return 0;
  struct sock_common* common = &((struct sock*)tcp)->__sk_common;
  return BPF_CORE_READ_BITFIELD_PROBED(common, skc_ipv6only) != 0;
}

/* The destination to write. A native IPv6 connect goes to ::1 if the proxy listens there, otherwise
 * to the v4-mapped loopback, which works where ::1 is disabled. A listener on ::1 outlives the
 * address: who disables it under a running proxy leaves its clients with IPv4, until the proxy is
 * started again. */
struct vw_route {
  __u16 port;
  __u8 six;
};

vw_inline __u32 vw_find_listener(struct bpf_sock_addr* ctx, const struct vw_settings* set,
                                 __u64 cookie, const struct vw_attempt* attempt,
                                 struct vw_route* route) {
  const struct vw_listener* here = bpf_map_lookup_elem(&listeners, &cookie);
  if (!here) return VW_REASON_NO_LISTENER_HERE;
  if (!vw_heart_beats(set)) return VW_REASON_HEARTBEAT_STALE;
  __u16 port4 = here->port4;
  __u16 port6 = here->port6;
  __u32 reason = VW_REASON_NO_LISTENER_HERE;
  if (attempt->native6 && port6) {
    route->port = port6;
    route->six = 1;
    reason = vw_probe(ctx, 1, port6);
    if (reason == VW_REASON_REDIRECTED) return reason;
  }
  if (!port4) return reason;
  if (attempt->native6 && vw_is_v6_only(ctx)) return VW_REASON_V6_ONLY;
  route->port = port4;
  route->six = 0;
  return vw_probe(ctx, 0, port4);
}

/* Forget an earlier connect of the same socket (connect, AF_UNSPEC, connect is legal) and give it
 * back the device that the earlier redirect took. */
vw_inline void vw_forget(struct bpf_sock_addr* ctx) {
  struct vw_origin* old = bpf_sk_storage_get(&origins, ctx->sk, 0, 0);
  if (!old) return;
  __u32 ifindex = old->bound_ifindex;
  bpf_sk_storage_delete(&origins, ctx->sk);
  if (ifindex && !ctx->sk->bound_dev_if &&
      bpf_setsockopt(ctx, VW_SOL_SOCKET, VW_SO_BINDTOIFINDEX, &ifindex, sizeof(ifindex)))
    vw_count(VW_REASON_DEVICE_NOT_RESTORED);
}

/* SO_BINDTODEVICE would let the SYN to loopback time out: not 0 where it cannot be cleared. */
vw_inline long vw_take_device(struct bpf_sock_addr* ctx, __u32* ifindex) {
  __u32 none = 0;
  *ifindex = ctx->sk->bound_dev_if;
  if (!*ifindex) return 0;
  return bpf_setsockopt(ctx, VW_SOL_SOCKET, VW_SO_BINDTOIFINDEX, &none, sizeof(none));
}

vw_inline int vw_write_route(struct bpf_sock_addr* ctx, int six_hook,
                             const struct vw_route* route) {
  if (six_hook) {
    vw_store(ctx, user_ip6[0], 0);
    vw_store(ctx, user_ip6[1], 0);
    if (route->six) {
      vw_store(ctx, user_ip6[2], 0);
      vw_store(ctx, user_ip6[3], bpf_htonl(1));
    } else {
      vw_store(ctx, user_ip6[2], bpf_htonl(0xffff));
      vw_store(ctx, user_ip6[3], bpf_htonl(0x7f000001));
    }
  } else {
    vw_store(ctx, user_ip4, bpf_htonl(0x7f000001));
  }
  vw_store(ctx, user_port, bpf_htons(route->port));
  return VW_PASS;
}

/* The lookups behind a decision; also used for unconnected sends. */
struct vw_client {
  struct task_struct* task;
  struct vw_label* label;
};

vw_inline __u32 vw_select(struct bpf_sock_addr* ctx, const struct vw_settings* set,
                          const struct vw_attempt* attempt, struct vw_client* client,
                          struct vw_facts* facts) {
  client->task = (struct task_struct*)bpf_get_current_task_btf();
  client->label =
      vw_label_of((__u32)(bpf_get_current_pid_tgid() >> 32), vw_start_time(client->task));
  if (vw_is_proxy(set, client->label)) return VW_REASON_PROXY_EXEMPT;
  facts->port_flags = vw_port_flags(attempt->port);
  facts->endpoint = vw_is_endpoint(&attempt->destination, attempt->port);
  facts->loopback = vw_is_loopback(&attempt->destination);
  facts->labelled = client->label && vw_in_scope(client->label->word);
  struct vw_socket* socket = bpf_sk_storage_get(&sockets, ctx->sk, 0, 0);
  facts->socket_labelled = socket && (socket->flags & VW_SOCKET_LABELLED);
  facts->target = (facts->port_flags & VW_PORT_TARGET) ? vw_is_target(&attempt->destination) : 0;
  return vw_decide(facts);
}

vw_inline int vw_redirect_tcp(struct bpf_sock_addr* ctx, const struct vw_settings* set,
                              const struct vw_attempt* attempt, int six_hook) {
  struct vw_client client = {};
  struct vw_facts facts = {};
  struct vw_route route = {};
  __u32 reason = vw_select(ctx, set, attempt, &client, &facts);
  if (reason != VW_REASON_REDIRECTED) return vw_pass(reason);

  __u64 cookie = bpf_get_netns_cookie(ctx);
  reason = vw_is_link_local6(&attempt->destination)
               ? VW_REASON_LINK_LOCAL
               : vw_find_listener(ctx, set, cookie, attempt, &route);
  if (reason != VW_REASON_REDIRECTED) {
    vw_count(reason);
    return set->mode == VW_MODE_OPEN ? vw_pass(VW_REASON_PASSED_OPEN)
                                     : vw_refuse(VW_REASON_REFUSED_CLOSED);
  }

  int filtered = 1;
  struct tcp_sock* tcp = bpf_skc_to_tcp_sock(ctx->sk);
  if (tcp)
    filtered = vw_egress_filtered(set, (struct sock*)tcp);
  else
    vw_count(VW_REASON_EGRESS_UNKNOWN);
  if (filtered) {
    if (set->egress_policy == VW_EGRESS_PASS) return vw_pass(VW_REASON_EGRESS_PASSED);
    if (set->egress_policy != VW_EGRESS_REDIRECT) return vw_refuse(VW_REASON_EGRESS_REFUSED);
    vw_count(VW_REASON_EGRESS_REDIRECTED);
  }

  struct vw_origin* origin = bpf_sk_storage_get(&origins, ctx->sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
  if (!origin) return vw_refuse(VW_REASON_NO_STORAGE);
  vw_fill_identity(origin, set, client.task, client.label);
  __builtin_memcpy(origin->destination, attempt->destination.bytes, sizeof(origin->destination));
  origin->destination_port = attempt->port;
  origin->netns_cookie = cookie;
  __u32 ifindex = 0;
  if (vw_take_device(ctx, &ifindex)) {
    bpf_sk_storage_delete(&origins, ctx->sk);
    return vw_refuse(VW_REASON_DEVICE_NOT_CLEARED);
  }
  origin->bound_ifindex = ifindex;
  __u32 flags = 0;
  if (facts.labelled) flags |= VW_ORIGIN_LABELLED;
  if (client.label && vw_state(client.label->word) == VW_LABEL_SUSPECT) flags |= VW_ORIGIN_SUSPECT;
  if (facts.socket_labelled) flags |= VW_ORIGIN_SOCKET_LABELLED;
  if (facts.target) flags |= VW_ORIGIN_TARGET;
  if (facts.endpoint) flags |= VW_ORIGIN_ENDPOINT;
  if (filtered) flags |= VW_ORIGIN_EGRESS_FILTERED;
  origin->flags = flags;
  vw_count(VW_REASON_REDIRECTED);
  return vw_write_route(ctx, six_hook, &route);
}

/* getpeername: the client sees the peer it asked for. */
vw_inline void vw_name_peer(struct bpf_sock_addr* ctx, int six_hook) {
  struct vw_origin* origin = bpf_sk_storage_get(&origins, ctx->sk, 0, 0);
  if (!origin) return;
  struct vw_address address;
  __builtin_memcpy(address.bytes, origin->destination, sizeof(address.bytes));
  if (six_hook) {
    vw_store(ctx, user_ip6[0], address.words[0]);
    vw_store(ctx, user_ip6[1], address.words[1]);
    vw_store(ctx, user_ip6[2], address.words[2]);
    vw_store(ctx, user_ip6[3], address.words[3]);
  } else {
    vw_store(ctx, user_ip4, address.words[3]);
  }
  vw_store(ctx, user_port, bpf_htons(origin->destination_port));
  vw_count(VW_REASON_PEER_NAME_GIVEN);
}

#endif /* VEILWIRE_BPF_REDIRECT_BPF_H */
