/** Runs programs: see program.h. */
#include "program.h"

#include "kernels.h"

#define EXPORT(name) __attribute__((export_name(name)))

#ifdef __wasm_atomics__

/**
 * Polls before a thread gives up its core. A barrier between steps opens within microseconds when
 * every thread has a core of its own; sleeping and waking costs tens of them.
 */
#define SPINS 4000

static uint32_t load(uint32_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }

/** Returns once `*word` differs from `old`, or the team is stopped. */
static void await_change(team *crew, uint32_t *word, uint32_t old, int may_sleep) {
  for (uint32_t spin = 0; load(word) == old && !load(&crew->stopped); spin++) {
    if (may_sleep && spin >= SPINS) {
      __builtin_wasm_memory_atomic_wait32((int *)word, (int)old, -1);
    }
  }
}

static void advance(uint32_t *word) {
  __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
  __builtin_wasm_memory_atomic_notify((int *)word, UINT32_MAX);
}

/** All threads enter, then all leave; what was written before is visible after. */
static void barrier(team *crew, uint32_t thread, uint32_t threads) {
  uint32_t phase = load(&crew->phase);
  if (__atomic_add_fetch(&crew->arrived, 1, __ATOMIC_SEQ_CST) == threads) {
    __atomic_store_n(&crew->arrived, 0, __ATOMIC_SEQ_CST);
    advance(&crew->phase);
  } else {
    await_change(crew, &crew->phase, phase, thread != 0 || crew->leader_waits);
  }
}

/** One thread's share of a program. */
static uint32_t take_part(const step *program, uint32_t steps, team *crew, uint32_t thread) {
  uint32_t threads = crew->threads;
  for (uint32_t i = 0; i < steps; i++) {
    kernel_table[program[i].kernel](program[i].params, thread, threads);
    if (threads > 1) barrier(crew, thread, threads);
    if (load(&crew->stopped)) return 1;
  }
  return 0;
}

EXPORT("run") uint32_t run(const step *program, uint32_t steps, team *crew) {
  if (crew->threads > 1) {
    crew->program = program;
    crew->steps = steps;
    advance(&crew->epoch);
  }
  return take_part(program, steps, crew, 0);
}

EXPORT("work") void work(team *crew, uint32_t thread) {
  for (uint32_t seen = 0;; seen++) {
    await_change(crew, &crew->epoch, seen, 1);
    if (load(&crew->stopped)) return;
    if (take_part(crew->program, crew->steps, crew, thread)) return;
  }
}

#else

EXPORT("run") uint32_t run(const step *program, uint32_t steps, team *crew) {
  (void)crew;
  for (uint32_t i = 0; i < steps; i++) kernel_table[program[i].kernel](program[i].params, 0, 1);
  return 0;
}

#endif
