/**
 * The ABI between the planner in TypeScript and the kernels: a program is a flat list of steps,
 * each a kernel id and the address of its parameter block, and a whole program runs in one call.
 *
 * The module imports `env.memory` and `env.clock` and exports `run`, `work` (shared builds), `__heap_base` (memory
 * from there on belongs to the host) and `__stack_pointer` (each thread's instance gets its own
 * stack). The layouts below are mirrored in runtime-web/src/wasm/abi.ts.
 */
#ifndef LINNET_PROGRAM_H
#define LINNET_PROGRAM_H

#include <stdint.h>

typedef struct {
  /** Index into the generated `kernel_table`. */
  uint32_t kernel;
  /** The kernel's parameter block. */
  const void *params;
} step;

/** When a thread was at work on a step, in milliseconds of `env.clock`. */
typedef struct {
  double begin;
  double end;
} step_times;

/**
 * Threads that run programs side by side; shared by all of them, zero at first but for `threads`
 * and `leader_waits`, which the host sets before the first run. Only atomics touch the fields that
 * change.
 */
typedef struct {
  /** Number of threads, the caller of `run` (thread 0) included. */
  uint32_t threads;
  /** Not 0 when thread 0 may block (not on a browser's main thread); otherwise it spins. */
  uint32_t leader_waits;
  /** Goes up by one when a program is published; parked threads wait on it. */
  uint32_t epoch;
  /** Changes each time a barrier opens; threads at a barrier wait on it. */
  uint32_t phase;
  /** Not 0 once a thread has trapped or the host ends the team: nobody waits any more. */
  uint32_t stopped;
  /** The published program. */
  const step *program;
  uint32_t steps;
  /**
   * Where threads note their times, [threads][steps], or null, as the host sets it before a run;
   * without it nobody reads the clock.
   */
  step_times *times;
  /** Threads that sleep, or are about to, and must be woken when a word changes. */
  uint32_t sleepers;
  /**
   * Threads that have reached the current barrier. It has a cache line of its own: each thread
   * writes it while others poll what is above.
   */
  _Alignas(64) uint32_t arrived;
} team;

/** Why a program ended early. */
typedef struct {
  /** A fault_kind of fault.h, or FAULT_STOPPED. */
  uint32_t kind;
  /** The step whose kernel reported it. */
  uint32_t step;
  /** What the kernel reported: kernels/fault.ts. */
  int64_t value;
  int64_t bound;
} fault;

/** The team was stopped: a thread has trapped, or the host has ended it. */
#define FAULT_STOPPED 255

/**
 * Runs `steps` steps with all threads of `crew` (single-threaded builds read `times` only) and returns
 * null when the last is done; else why it ended before, valid until the next call, and the results
 * are void.
 */
const fault *run(const step *program, uint32_t steps, team *crew);

#ifdef __wasm_atomics__
/**
 * The life of thread `thread` (1 .. threads - 1): waits for programs and does its share of each,
 * until the team is stopped. It must have started before the first `run`.
 */
void work(team *crew, uint32_t thread);
#endif

#endif
