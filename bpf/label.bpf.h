/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Labels follow processes: given at exec, inherited by fork, kept over exec, setsid, double fork
 * and reparenting, gone at exit. In a hash keyed by tgid, with the start time in the value, because
 * task storage is readable from connect hooks on recent kernels only.
 *
 * A label is replaced by its own process's exec, or its word changes by compare-and-swap (user
 * space, through vw_judge): a verdict that was reached about one executable never lands on the next
 * one.
 *
 * Accepted races: a replaced element may be another process's label by the time that a verdict is
 * swapped in; it lands there only if that one waits for a verdict after as many execs. And a child
 * forked while its parent is being cleared may keep the parent's suspicion until the redirector's
 * next sweep. It is then intercepted for some seconds too long, never too short.
 *
 * Tested by tests/bpf/label_test.cpp.
 */
#ifndef VEILWIRE_BPF_LABEL_BPF_H
#define VEILWIRE_BPF_LABEL_BPF_H

#include "bpf/counters.bpf.h"
#include "bpf/identity.bpf.h"
#include "bpf/match.bpf.h"

vw_inline __u32 vw_state(__u64 word) { return (__u32)(word & VW_LABEL_STATE_MASK); }

vw_inline __u64 vw_execs(__u64 word) { return word >> 8; }

vw_inline int vw_in_scope(__u64 word) {
  __u32 state = vw_state(word);
  return state == VW_LABEL_SUSPECT || state == VW_LABEL_CONFIRMED;
}

vw_inline struct vw_label* vw_label_of(__u32 tgid, __u64 start) {
  struct vw_label* label = bpf_map_lookup_elem(&labels, &tgid);
  if (!label) return 0;
  if (label->start_boottime_ns != start) {
    vw_count(VW_REASON_LABEL_STALE);
    return 0;
  }
  return label;
}

vw_inline void vw_tell(__u32 kind, struct task_struct* task, const struct vw_label* label) {
  __u32 zero = 0;
  const struct vw_settings* set = bpf_map_lookup_elem(&settings, &zero);
  struct vw_event* event = set ? bpf_ringbuf_reserve(&events, sizeof(*event), 0) : 0;
  if (!event) {
    vw_count(VW_REASON_EVENT_LOST);
    return;
  }
  event->kind = vw_known_type(struct vw_event) ? kind : 0;
  event->tgid = (__u32)BPF_CORE_READ(task, tgid);
  event->own_tgid = vw_own_tgid(task, set->pid_level, set->pid_namespace);
  event->reserved = 0;
  event->start_boottime_ns = label->start_boottime_ns;
  event->word = label->word;
  event->exe = label->exe;
  bpf_get_current_comm(event->comm, sizeof(event->comm));
  bpf_ringbuf_submit(event, 0);
}

vw_inline void vw_label_insert(struct task_struct* task, const struct vw_label* label,
                               __u32 reason) {
  __u32 tgid = (__u32)task->tgid;
  if (bpf_map_update_elem(&labels, &tgid, label, BPF_ANY)) {
    vw_count(VW_REASON_LABEL_FULL);
    vw_tell(VW_EVENT_LABEL_LOST, task, label);
    return;
  }
  vw_count(reason);
}

vw_inline void vw_label_fork(struct task_struct* parent, struct task_struct* child) {
  if (child->pid != child->tgid) return; /* a thread: its process has the label */
  struct vw_label* held = vw_label_of((__u32)parent->tgid, vw_start_time(parent));
  if (!held) return;
  struct vw_label label = *held;
  if (!vw_in_scope(label.word)) return;
  label.start_boottime_ns = child->start_boottime;
  label.memory_map = (__u64)child->mm;
  vw_label_insert(child, &label, VW_REASON_LABEL_INHERITED);
}

vw_inline void vw_label_exec(struct task_struct* task, struct linux_binprm* program) {
  __u32 tgid = (__u32)task->tgid;
  __u64 start = vw_start_time(task);
  struct vw_label* held = vw_label_of(tgid, start);
  __u64 word = held ? held->word : 0;

  struct vw_label label = {.start_boottime_ns = start, .memory_map = (__u64)task->mm};
  vw_read_exe(program->file, &label.exe);
  __u32 state = VW_LABEL_NONE;
  if (bpf_map_lookup_elem(&executables, &label.exe))
    state = VW_LABEL_CONFIRMED;
  else if (vw_state(word) != VW_LABEL_CONFIRMED && vw_looks_intercepted(task, program))
    state = VW_LABEL_SUSPECT;

  /* A tree that is in scope stays so, whatever it executes. */
  int kept = vw_in_scope(word) && (state == VW_LABEL_NONE || vw_state(word) == VW_LABEL_CONFIRMED);
  if (kept && held) {
    label.root_tgid = held->root_tgid;
    label.root_start_boottime_ns = held->root_start_boottime_ns;
    state = vw_state(word);
  } else {
    label.root_tgid = tgid;
    label.root_start_boottime_ns = start;
  }
  if (state == VW_LABEL_NONE) {
    if (held) bpf_map_delete_elem(&labels, &tgid);
    return;
  }
  label.word = ((vw_execs(word) + 1) << 8) | state;
  label.suspected_at =
      held && vw_state(word) == VW_LABEL_SUSPECT ? held->suspected_at : (__u32)vw_execs(label.word);
  __u32 reason = kept                          ? VW_REASON_LABEL_KEPT
                 : state == VW_LABEL_CONFIRMED ? VW_REASON_LABEL_CONFIRMED
                                               : VW_REASON_LABEL_SUSPECT;
  vw_label_insert(task, &label, reason);
  if (!kept)
    vw_tell(state == VW_LABEL_CONFIRMED ? VW_EVENT_CONFIRMED : VW_EVENT_SUSPECT, task, &label);
}

vw_inline void vw_label_exit(struct task_struct* task) {
  /* Counted down before the tracepoint: zero means that this was the last thread. Two last threads
   * may both see it; the second delete finds nothing. */
  if (task->signal->live.counter > 0) return;
  __u32 tgid = (__u32)task->tgid;
  if (!vw_label_of(tgid, vw_start_time(task))) return;
  if (!bpf_map_delete_elem(&labels, &tgid)) vw_count(VW_REASON_LABEL_EXIT);
}

/* User space's verdict. Returns 0, or a negative errno: the process is gone or has gone on. */
vw_inline int vw_judge_label(const struct vw_judgement* judgement) {
  __u32 tgid = judgement->tgid; /* a map key must lie on the stack */
  struct vw_label* label = vw_label_of(tgid, judgement->start_boottime_ns);
  if (!label) return -VW_ENOENT;
  if (__sync_val_compare_and_swap(&label->word, judgement->expected, judgement->desired) !=
      judgement->expected) {
    vw_count(VW_REASON_LABEL_CHANGED);
    return -VW_EINVAL;
  }
  vw_count(VW_REASON_LABEL_JUDGED);
  /* What has just been swapped in is nobody's label any more: free its place. (Should the number
   * have gone to a new process since the lookup, that one's label goes too: the next scan's work.)
   */
  if (vw_state(judgement->desired) == VW_LABEL_NONE) bpf_map_delete_elem(&labels, &tgid);
  return 0;
}

#endif /* VEILWIRE_BPF_LABEL_BPF_H */
