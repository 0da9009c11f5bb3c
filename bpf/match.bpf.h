/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Does the file being executed, or its arguments, look like an intercepted client? Byte strings
 * searched in two texts: cheap enough for every exec of the machine, because most positions cost
 * one bit test. A match is a suspicion only; user space confirms it.
 *
 * Tested by tests/bpf/predicates_test.cpp and tests/bpf/label_test.cpp.
 */
#ifndef VEILWIRE_BPF_MATCH_BPF_H
#define VEILWIRE_BPF_MATCH_BPF_H

#include "bpf/counters.bpf.h"

#define VW_PATH_COMPONENTS                                              \
  7 /* innermost ones; enough for the longest known install path's tail \
     */
#define VW_COMPONENT_LENGTH 64
#define VW_FILENAME_LENGTH 512

struct vw_search {
  struct vw_text* text;
  const struct vw_settings* settings;
  __u32 where;
  __u32 found;
};

/* All of a needle at once, without branches: the mask ends it. */
vw_inline int vw_needle_at(const __u8* at, const struct vw_needle* needle) {
  __u64 difference = 0;
#pragma unroll
  for (int i = 0; i < VW_NEEDLE_LENGTH; i += 8) {
    __u64 word = *(const __u64*)(at + i) ^ *(const __u64*)(needle->text + i);
    difference |= word & *(const __u64*)(needle->mask + i);
  }
  return difference == 0;
}

static long vw_search_step(__u32 position, void* context) {
  struct vw_search* search = context;
  if (position >= VW_TEXT_LENGTH) return 1;
  const __u8* at = search->text->bytes + position;
  __u8 first = *at;
  if (!(search->settings->needle_first[first >> 3] & (1u << (first & 7)))) return 0;
  for (__u32 i = 0; i < VW_NEEDLE_COUNT; i++) {
    __u32 key = i;
    const struct vw_needle* needle = bpf_map_lookup_elem(&needles, &key);
    if (!needle || !(needle->where & search->where)) continue;
    if (vw_needle_at(at, needle)) {
      search->found = 1;
      return 1;
    }
  }
  return 0;
}

vw_inline int vw_find(struct vw_text* text, __u32 length, const struct vw_settings* settings,
                      __u32 where) {
  struct vw_search search = {.text = text, .settings = settings, .where = where};
  /* clang 14 proves the bound from what the callers return and drops it; the verifier does not. */
  barrier_var(length);
  if (length > VW_TEXT_LENGTH) length = VW_TEXT_LENGTH;
  /* What an earlier exec left behind must not complete a needle. */
  __builtin_memset(text->bytes + length, 0, VW_NEEDLE_LENGTH);
  bpf_loop(length, vw_search_step, &search, 0);
  return search.found != 0;
}

/* "/outer/.../file\0/name as executed\0". Names longer than a component are cut; mounts end the
 * path. */
vw_inline __u32 vw_write_path(struct vw_text* text, struct linux_binprm* program) {
  struct dentry* chain[VW_PATH_COMPONENTS];
  struct dentry* dentry = BPF_CORE_READ(program, file, f_path.dentry);
  __u32 length = 0;
#pragma unroll
  for (int i = 0; i < VW_PATH_COMPONENTS; i++) {
    struct dentry* parent = BPF_CORE_READ(dentry, d_parent);
    chain[i] = parent == dentry ? 0 : dentry;
    dentry = parent;
  }
#pragma unroll
  for (int i = VW_PATH_COMPONENTS - 1; i >= 0; i--) {
    if (!chain[i]) continue;
    if (length > VW_PATH_COMPONENTS * VW_COMPONENT_LENGTH) return 0;
    text->bytes[length] = '/';
    long written = bpf_probe_read_kernel_str(text->bytes + length + 1, VW_COMPONENT_LENGTH - 1,
                                             BPF_CORE_READ(chain[i], d_name.name));
    if (written > 0 && written < VW_COMPONENT_LENGTH) length += (__u32)written;
  }
  if (length > VW_PATH_COMPONENTS * VW_COMPONENT_LENGTH) return 0;
  text->bytes[length] = 0;
  text->bytes[length + 1] = '/';
  long written = bpf_probe_read_kernel_str(text->bytes + length + 2, VW_FILENAME_LENGTH,
                                           BPF_CORE_READ(program, filename));
  return written > 0 && written <= VW_FILENAME_LENGTH ? length + 2 + (__u32)written : length + 1;
}

/* argv as the kernel has just laid it out; its pages are present, so a non-sleeping read succeeds.
 */
vw_inline __u32 vw_write_arguments(struct vw_text* text, struct task_struct* task) {
  unsigned long start = BPF_CORE_READ(task, mm, arg_start);
  unsigned long end = BPF_CORE_READ(task, mm, arg_end);
  if (end <= start) return 0;
  __u64 length = end - start;
  if (length > VW_TEXT_LENGTH) {
    length = VW_TEXT_LENGTH;
    vw_count(VW_REASON_ARGUMENTS_CUT);
  }
  if (bpf_probe_read_user(text->bytes, length, (const void*)start)) {
    vw_count(VW_REASON_ARGUMENTS_UNREADABLE);
    return 0;
  }
  return (__u32)length;
}

vw_inline int vw_looks_intercepted(struct task_struct* task, struct linux_binprm* program) {
  __u32 zero = 0;
  const struct vw_settings* set = bpf_map_lookup_elem(&settings, &zero);
  struct vw_text* text = bpf_map_lookup_elem(&texts, &zero);
  if (!set || !text) {
    vw_count(VW_REASON_NO_SETTINGS);
    return 0;
  }
  if (vw_find(text, vw_write_path(text, program), set, VW_NEEDLE_PATH)) return 1;
  return vw_find(text, vw_write_arguments(text, task), set, VW_NEEDLE_ARGUMENT);
}

#endif /* VEILWIRE_BPF_MATCH_BPF_H */
