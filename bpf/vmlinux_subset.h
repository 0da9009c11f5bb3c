/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The few kernel types that the programs look into, each with only the fields they read. Kept by
 * hand: CO-RE relocates every access to the running kernel's layout, so order and size here mean
 * nothing. Context types (struct bpf_sock_addr and its like) come from the UAPI headers instead and
 * are never relocated: the verifier rewrites accesses to them itself.
 *
 * Tested by every case of tests/bpf that loads the programs: the verifier refuses one that reaches
 * an access which the running kernel cannot resolve.
 */
#ifndef VEILWIRE_BPF_VMLINUX_SUBSET_H
#define VEILWIRE_BPF_VMLINUX_SUBSET_H

#include <linux/in6.h>
#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef int pid_t;
typedef struct {
  __u32 val;
} kuid_t;
typedef struct {
  int counter;
} atomic_t;

struct super_block {
  __u32 s_dev;
};

struct inode {
  unsigned long i_ino;
  __u32 i_generation;
  struct super_block* i_sb;
};

struct qstr {
  const unsigned char* name;
};

struct dentry {
  struct dentry* d_parent;
  struct qstr d_name;
};

struct path {
  struct dentry* dentry;
};

struct file {
  struct inode* f_inode;
  struct path f_path;
};

struct mm_struct {
  unsigned long arg_start;
  unsigned long arg_end;
  struct file* exe_file;
};

struct ns_common {
  unsigned int inum;
};

struct pid_namespace {
  struct ns_common ns;
};

struct upid {
  int nr;
  struct pid_namespace* ns;
};

struct pid {
  unsigned int level;
  struct upid numbers[1];
};

enum pid_type { PIDTYPE_TGID = 1, PIDTYPE_MAX = 4 };

struct signal_struct {
  atomic_t live;
  struct pid* pids[PIDTYPE_MAX];
};

struct css_set {
  struct cgroup* dfl_cgrp;
};

struct cgroup_namespace {
  struct css_set* root_cset;
};

struct nsproxy {
  struct cgroup_namespace* cgroup_ns;
};

struct task_struct {
  pid_t pid;
  pid_t tgid;
  __u64 start_boottime;
  kuid_t loginuid;
  unsigned int sessionid;
  struct task_struct* group_leader;
  struct task_struct* real_parent;
  struct signal_struct* signal;
  struct nsproxy* nsproxy;
  struct mm_struct* mm;
  char comm[16];
};

struct linux_binprm {
  struct file* file;
  const char* filename;
};

struct bpf_prog_aux {
  __u32 id;
};

struct bpf_prog {
  struct bpf_prog_aux* aux;
};

struct bpf_prog_array_item {
  struct bpf_prog* prog;
};

struct bpf_prog_array {
  struct bpf_prog_array_item items[0];
};

enum cgroup_bpf_attach_type { CGROUP_INET_EGRESS = 1 };

struct cgroup_bpf {
  struct bpf_prog_array* effective[38];
};

struct cgroup {
  int level;
  struct cgroup_bpf bpf;
};

struct sock_cgroup_data {
  struct cgroup* cgroup;
};

struct net {
  __u64 net_cookie;
};

typedef struct {
  struct net* net;
} possible_net_t;

struct sock_common {
  __u16 skc_family;
  volatile unsigned char skc_state;
  unsigned char skc_ipv6only : 1;
  possible_net_t skc_net;
  __u16 skc_num;
  __u32 skc_rcv_saddr;
  struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
  struct sock_common __sk_common;
  struct sock_cgroup_data sk_cgrp_data;
};

struct tcp_sock;
struct seq_file;
struct bpf_map;

struct bpf_iter_meta {
  struct seq_file* seq;
};

struct bpf_iter__task {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
};

struct bpf_iter__bpf_sk_storage_map {
  struct bpf_iter_meta* meta;
  struct bpf_map* map;
  struct sock* sk;
  void* value;
};

#pragma clang attribute pop

#endif /* VEILWIRE_BPF_VMLINUX_SUBSET_H */
