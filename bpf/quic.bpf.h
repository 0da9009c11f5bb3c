/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* HTTP/3 is refused so that clients fall back to TCP. Not at connect: glibc's getaddrinfo
 * UDP-connects to every candidate address with port 443 in order to sort them, and a refusal there
 * would reorder the answer. So a connect only marks the socket, an unconnected send is refused by
 * the sendmsg hook (ECONNREFUSED), and a send on a connected socket, which no other hook sees, by
 * the egress hook (EPERM). Never DNS, never loopback.
 *
 * Tested by tests/bpf/quic_test.cpp.
 */
#ifndef VEILWIRE_BPF_QUIC_BPF_H
#define VEILWIRE_BPF_QUIC_BPF_H

#include "bpf/redirect.bpf.h"

#define VW_IPPROTO_UDP 17

vw_inline int vw_is_refused_udp(struct bpf_sock_addr* ctx, const struct vw_settings* set,
                                const struct vw_attempt* attempt, __u32* reason) {
  struct vw_client client = {};
  struct vw_facts facts = {};
  *reason = vw_select(ctx, set, attempt, &client, &facts);
  return *reason == VW_REASON_REDIRECTED && (facts.port_flags & VW_PORT_QUIC) && !facts.loopback;
}

vw_inline int vw_mark_udp(struct bpf_sock_addr* ctx, const struct vw_settings* set,
                          const struct vw_attempt* attempt) {
  __u32 reason = VW_REASON_NOT_SELECTED;
  int refused = vw_is_refused_udp(ctx, set, attempt, &reason);
  struct vw_socket* socket =
      bpf_sk_storage_get(&sockets, ctx->sk, 0, refused ? BPF_SK_STORAGE_GET_F_CREATE : 0);
  if (!socket) return refused ? vw_refuse(VW_REASON_SOCKET_NO_STORAGE) : vw_pass(reason);
  if (refused)
    socket->flags |= VW_SOCKET_QUIC;
  else
    socket->flags &= ~VW_SOCKET_QUIC;
  return vw_pass(refused ? VW_REASON_QUIC_MARKED : reason);
}

vw_inline int vw_send_udp(struct bpf_sock_addr* ctx, const struct vw_settings* set,
                          const struct vw_attempt* attempt) {
  __u32 reason = VW_REASON_NOT_SELECTED;
  if (vw_is_refused_udp(ctx, set, attempt, &reason)) return vw_refuse(VW_REASON_QUIC_SEND_REFUSED);
  return vw_pass(reason);
}

/* 1: let the packet go. Packets that are not UDP of a marked socket cost one load and one test. */
vw_inline int vw_pass_packet(struct __sk_buff* skb) {
  struct bpf_sock* sk = skb->sk;
  if (!sk) return 1;
  sk = bpf_sk_fullsock(sk);
  if (!sk || sk->protocol != VW_IPPROTO_UDP) return 1;
  struct vw_socket* socket = bpf_sk_storage_get(&sockets, sk, 0, 0);
  if (!socket || !(socket->flags & VW_SOCKET_QUIC)) return 1;
  __u32 zero = 0;
  const struct vw_settings* set = bpf_map_lookup_elem(&settings, &zero);
  if (!set || set->mode == VW_MODE_OFF) return 1;
  /* A packet sent elsewhere by an explicit address went through the sendmsg hook. */
  __u8 first = 0;
  __u8 next = VW_IPPROTO_UDP;
  __u16 port = 0;
  long unreadable = bpf_skb_load_bytes(skb, 0, &first, sizeof(first));
  int six = (first >> 4) == 6;
  if (six) unreadable |= bpf_skb_load_bytes(skb, 6, &next, sizeof(next));
  __u32 header = six ? 40 : (__u32)(first & 15) * 4;
  unreadable |= bpf_skb_load_bytes(skb, header + 2, &port, sizeof(port));
  /* Extension headers are no way around: nothing that speaks HTTP/3 sends any. */
  if (unreadable || next != VW_IPPROTO_UDP) {
    vw_count(VW_REASON_QUIC_PACKET_UNKNOWN);
    return 0;
  }
  if (!(vw_port_flags(bpf_ntohs(port)) & VW_PORT_QUIC)) return 1;
  vw_count(VW_REASON_QUIC_PACKET_REFUSED);
  return 0;
}

#endif /* VEILWIRE_BPF_QUIC_BPF_H */
