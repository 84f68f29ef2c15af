/** Runs damaged files in a thread that can be stopped when it hangs. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Random, seededRandom } from '../../../converter/dist/verify/random-inputs.js';
import type { Target } from './targets.js';

/** Files of a model by name; a case damages one of them. */
export type Files = Readonly<Record<string, Uint8Array>>;

/** Damages a file; `other` is a file to take foreign bytes from. */
export type Mutate = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

/** What a thread is asked to try, and what it answers: null when all is well, else the defect. */
export interface Task {
  readonly target: Target;
  readonly files: Files;
}
export type Verdict = string | null;

/** Longer than any case should take on a busy machine. */
const CASE_TIMEOUT_MS = 30_000;

/** JavaScript heap of the thread. */
const HEAP_MB = 512;

/** Of the whole process: no damaged file may make it take more. */
const MEMORY_LIMIT_MB = 4096;

/** New damage on every run, except where a red result must be the fault of the change under test. */
const seed = Number(process.env.LINNET_FUZZ_SEED ?? (process.env.CI ? 1 : Date.now() % 2 ** 31));
const runs = Number(process.env.LINNET_FUZZ_RUNS ?? 1500);

/**
 * Tries `LINNET_FUZZ_RUNS` damaged copies of the models; each must give a result or a LinnetError
 * that is no defect of Linnet's, in time and within the memory limit.
 *
 * Case n of a seed is always the same; the files of a failed case are kept in a temporary folder.
 */
export async function fuzz(
  target: Target,
  models: readonly Files[],
  mutate: Mutate,
): Promise<void> {
  const name = `${target}, ${mutate.name}`;
  console.log(`fuzzing ${name}: LINNET_FUZZ_SEED=${seed} LINNET_FUZZ_RUNS=${runs}`);
  const failures: string[] = [];
  let thread = startThread();
  try {
    for (let index = 0; index < runs; index++) {
      const files = damaged(models, mutate, seededRandom(seed + 0x9e3779b9 * index));
      const verdict = await attempt(thread, { target, files });
      if (verdict === null) continue;
      failures.push(
        `case ${index} (kept in ${keep(`${name}-${seed}-${index}`, files)}): ${verdict}`,
      );
      await thread.terminate();
      thread = startThread();
      if (failures.length === 10) break;
    }
  } finally {
    await thread.terminate();
  }
  assert.deepEqual(failures, [], `seed ${seed}:\n${failures.join('\n')}`);
}

function damaged(models: readonly Files[], mutate: Mutate, random: Random): Files {
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)] as T;
  const files = pick(models);
  const other = pick(Object.values(pick(models)));
  for (;;) {
    const name = pick(Object.keys(files));
    const bytes = files[name] as Uint8Array;
    const changed = mutate(bytes, random, other);
    // A file that this mutation cannot change leaves the turn to another.
    if (changed !== bytes) return { ...files, [name]: changed };
  }
}

function startThread(): Worker {
  return new Worker(new URL('./thread.js', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
}

/** Rejects never: a thread that dies or does not answer is a defect like any other. */
async function attempt(thread: Worker, task: Task): Promise<Verdict> {
  const signal = AbortSignal.timeout(CASE_TIMEOUT_MS);
  try {
    thread.postMessage(task);
    const [verdict] = (await once(thread, 'message', { signal })) as [Verdict];
    const used = process.memoryUsage().rss / 2 ** 20;
    return verdict ?? (used > MEMORY_LIMIT_MB ? `the process takes ${used.toFixed(0)} MiB` : null);
  } catch (error) {
    return signal.aborted ? 'no answer in time' : `the thread died: ${error}`;
  }
}

function keep(name: string, files: Files): string {
  const folder = join(tmpdir(), 'linnet-fuzz', name);
  for (const [file, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), bytes);
  }
  return folder;
}
