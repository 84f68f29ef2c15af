import type { Model, ModelInputs, RunOptions } from '@linnet/runtime-web';

/** Runs a second. */
export interface Throughput {
  readonly workers: number;
  /** Of one instance. */
  readonly alone: number;
  /** Of all workers together. */
  readonly together: number;
}

const ROUNDS = 7;
const ROUND_MS = 400;

/** What wait for each worker, so that none is idle between two runs. */
const QUEUED = 2;

/** How many runs a second one instance and a model on workers do, medians of rounds that take turns. */
export async function measureThroughput(
  alone: Model,
  together: Model,
  inputs: ModelInputs,
  options: RunOptions,
): Promise<Throughput> {
  const { workers } = together.info;
  const rates: [number[], number[]] = [[], []];
  for (let round = 0; round <= ROUNDS; round++) {
    const found = [
      await rate(alone, 1, inputs, options),
      await rate(together, QUEUED * workers, inputs, options),
    ] as const;
    // The first is for engines to compile what runs often.
    if (round > 0) for (const [i, each] of found.entries()) rates[i].push(each);
  }
  return { workers, alone: median(rates[0]), together: median(rates[1]) };
}

/** Runs a second with so many runs asked for at a time. */
async function rate(
  model: Model,
  atOnce: number,
  inputs: ModelInputs,
  options: RunOptions,
): Promise<number> {
  const began = performance.now();
  let runs = 0;
  const again = async () => {
    do {
      await model.run(inputs, options);
      runs++;
    } while (performance.now() < began + ROUND_MS);
  };
  await Promise.all(Array.from({ length: atOnce }, again));
  return (1000 * runs) / (performance.now() - began);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
