/** Runs programs: see program.h. */
#include "program.h"

#include "barrier.h"
#include "fault.h"
#include "kernels.h"

#define EXPORT(name) __attribute__((export_name(name)))

/** Milliseconds since a moment that all threads' clocks share. */
__attribute__((import_module("env"), import_name("clock"))) double read_clock(void);

/** One thread's share of step `at`; the times go to `times`, its own, unless that is null. */
static void carry_out(const step *program, uint32_t at, step_times *times, uint32_t thread,
                      uint32_t threads) {
  const step *s = program + at;
  if (times) times[at].begin = read_clock();
  kernel_table[s->kernel](s->params, thread, threads);
  if (times) times[at].end = read_clock();
}

/** What the kernels of the program that runs or ran last have reported; one team has one memory. */
static fault found;

#ifdef __wasm_atomics__
static uint32_t found_lock;
static void lock(void) {
  while (__atomic_exchange_n(&found_lock, 1, __ATOMIC_SEQ_CST)) {}
}
static void unlock(void) { __atomic_store_n(&found_lock, 0, __ATOMIC_SEQ_CST); }
#else
static void lock(void) {}
static void unlock(void) {}
#endif

void report_fault(fault_kind kind, int64_t value, int64_t bound) {
  lock();
  if (found.kind == FAULT_NONE || value < found.value) {
    found.kind = kind;
    found.value = value;
    found.bound = bound;
  }
  unlock();
}

/** What `run` gives after step `at`, whose kernel has reported something. */
static const fault *found_at(uint32_t at) {
  found.step = at;
  return &found;
}

#ifdef __wasm_atomics__

/**
 * Polls before a thread gives up its core, some tenths of a millisecond. A barrier opens within a
 * microsecond of the slowest thread's arrival when every thread has a core of its own, and programs
 * often follow each other closely; sleeping and waking costs tens of microseconds.
 */
#define SPINS 200000

static uint32_t load(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }

/** Returns once `*word` differs from `old`, or the team is stopped. */
static void await_change(team *crew, uint32_t *word, uint32_t old, int may_sleep) {
  for (uint32_t spin = 0; load(word) == old && !load(&crew->stopped); spin++) {
    if (may_sleep && spin >= SPINS) {
      __atomic_add_fetch(&crew->sleepers, 1, __ATOMIC_SEQ_CST);
      __builtin_wasm_memory_atomic_wait32((int *)word, (int)old, -1);
      __atomic_sub_fetch(&crew->sleepers, 1, __ATOMIC_SEQ_CST);
    }
  }
}

/** A thread that is about to sleep has either been counted, or finds the word changed. */
static void advance_to(team *crew, uint32_t *word, uint32_t next) {
  __atomic_store_n(word, next, __ATOMIC_SEQ_CST);
  if (load(&crew->sleepers) > 0) __builtin_wasm_memory_atomic_notify((int *)word, UINT32_MAX);
}

/**
 * All threads enter, then all leave; what was written before is visible after. The phase that
 * begins is odd when a fault was reported before, which is what each of them returns: the phase
 * does not change again before all have read it, whereas `found` may.
 */
static uint32_t barrier(team *crew, uint32_t thread, uint32_t threads) {
  uint32_t phase = load(&crew->phase);
  if (__atomic_add_fetch(&crew->arrived, 1, __ATOMIC_SEQ_CST) == threads) {
    __atomic_store_n(&crew->arrived, 0, __ATOMIC_SEQ_CST);
    advance_to(crew, &crew->phase, (phase | 1) + 1 + (found.kind != FAULT_NONE));
  } else {
    await_change(crew, &crew->phase, phase, thread != 0 || crew->leader_waits);
  }
  return load(&crew->phase) & 1;
}

/** The team of the program that runs; one team has one memory. */
static team *at_work;
/** As `arrived` and `phase` of a team, for threads that meet within a kernel. */
static _Alignas(64) uint32_t met;
static _Alignas(64) uint32_t meetings;

void meet(uint32_t thread, uint32_t threads) {
  if (threads < 2) return;
  const uint32_t before = load(&meetings);
  if (__atomic_add_fetch(&met, 1, __ATOMIC_SEQ_CST) == threads) {
    __atomic_store_n(&met, 0, __ATOMIC_SEQ_CST);
    advance_to(at_work, &meetings, before + 1);
  } else {
    await_change(at_work, &meetings, before, thread != 0 || at_work->leader_waits);
  }
}

/** What `run` gives when the team has been stopped. */
static const fault stopped = {.kind = FAULT_STOPPED};

/** One thread's share of a program; what ended it early, or null. */
static const fault *take_part(const step *program, uint32_t steps, team *crew, uint32_t thread) {
  uint32_t threads = crew->threads;
  step_times *times = crew->times ? crew->times + thread * steps : 0;
  for (uint32_t i = 0; i < steps; i++) {
    carry_out(program, i, times, thread, threads);
    uint32_t is_faulty = threads > 1 ? barrier(crew, thread, threads) : found.kind != FAULT_NONE;
    if (load(&crew->stopped)) return &stopped;
    if (is_faulty) return thread == 0 ? found_at(i) : &found;
  }
  return 0;
}

EXPORT("run") const fault *run(const step *program, uint32_t steps, team *crew) {
  found.kind = FAULT_NONE;
  at_work = crew;
  if (crew->threads > 1) {
    crew->program = program;
    crew->steps = steps;
    advance_to(crew, &crew->epoch, load(&crew->epoch) + 1);
  }
  return take_part(program, steps, crew, 0);
}

EXPORT("work") void work(team *crew, uint32_t thread) {
  for (uint32_t seen = 0;; seen++) {
    await_change(crew, &crew->epoch, seen, 1);
    if (load(&crew->stopped)) return;
    if (take_part(crew->program, crew->steps, crew, thread) == &stopped) return;
  }
}

#else

void meet(uint32_t thread, uint32_t threads) {
  (void)thread;
  (void)threads;
}

EXPORT("run") const fault *run(const step *program, uint32_t steps, team *crew) {
  found.kind = FAULT_NONE;
  for (uint32_t i = 0; i < steps; i++) {
    carry_out(program, i, crew->times, 0, 1);
    if (found.kind != FAULT_NONE) return found_at(i);
  }
  return 0;
}

#endif
