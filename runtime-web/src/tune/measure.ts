/** Which candidates of a model's decisions are the fastest, by running the model with each. */

import type { Choice, TunedChoice } from '../api.js';
import { takeTurn } from '../base.js';
import type { Overrule } from '../plan/choice.js';
import type { RunContext } from '../run/executor.js';
import type { Measured } from './tuning.js';

/** A model that runs as its decisions are overruled. */
export interface Variant {
  /** The choices made for what has run. */
  choices(): readonly Choice[];
  run(record?: RunContext['record']): Promise<unknown>;
}

/** Variants that share memory. */
export interface Bench {
  variant(overrule: Overrule): Variant;
  dispose(): void;
}

/** Engines compile code well once they have seen it run for a while. */
const WARM_UP_MS = 500;

/** Rounds of all candidates of a decision go on for this long, but are no fewer than the least. */
const DECISION_MS = 2000;
const LEAST_ROUNDS = 7;
const MOST_ROUNDS = 50;

/** What another candidate than the cost model's must take at most of its time. */
const WORTHWHILE = 0.97;

type Found = Map<string, Map<string, TunedChoice>>;

/**
 * Measures decision after decision, those first that others follow from: every candidate of all nodes at
 * once, in plans of the whole model that take turns, so that caches and other programs are the same for
 * all. Memory is what a decision's candidates take together.
 */
export async function measureChoices(open: () => Promise<Bench>): Promise<Measured> {
  const found: Found = new Map();
  const overrule: Overrule = (signature, decision) => found.get(signature)?.get(decision)?.take;
  const done = new Set<string>();
  for (;;) {
    const bench = await open();
    try {
      const current = bench.variant(overrule);
      await current.run();
      const choices = current.choices().filter(({ candidates }) => candidates.length > 1);
      const decision = nextDecision(choices, done);
      if (decision === undefined) return found;
      done.add(decision);
      const subjects = choices.filter((choice) => choice.decision === decision);
      await measureDecision(bench, decision, subjects, overrule, found);
    } finally {
      bench.dispose();
    }
  }
}

/**
 * A decision that no node makes after another that is not done.
 *
 * @param choices node by node, in the order in which they were made
 */
function nextDecision(choices: readonly Choice[], done: ReadonlySet<string>): string | undefined {
  const open = choices.filter(({ decision }) => !done.has(decision));
  const isFollowing = (decision: string) =>
    open.some((choice, at) => {
      const before = open[at - 1];
      return (
        choice.decision === decision && before?.node === choice.node && before.decision !== decision
      );
    });
  return open.find(({ decision }) => !isFollowing(decision))?.decision ?? open[0]?.decision;
}

async function measureDecision(
  bench: Bench,
  decision: string,
  choices: readonly Choice[],
  overrule: Overrule,
  found: Found,
): Promise<void> {
  const bySignature = new Map(choices.map((choice) => [choice.signature, choice]));
  const most = Math.max(...choices.map(({ candidates }) => candidates.length));
  const variants = Array.from({ length: most }, (_, index) =>
    bench.variant((signature, what) =>
      what === decision ? bySignature.get(signature)?.candidates[index] : overrule(signature, what),
    ),
  );
  const rounds = await measureRounds(variants);
  for (const [signature, choice] of bySignature) {
    const nodes = new Set(
      choices.filter((other) => other.signature === signature).map(({ node }) => node),
    );
    const times = choice.candidates.map((_, index) =>
      rounds.map((round) => sum(round[index] as SiteTimes, nodes)),
    );
    const tuned = found.get(signature) ?? new Map<string, TunedChoice>();
    tuned.set(decision, fastest(choice, times));
    found.set(signature, tuned);
  }
}

/** Milliseconds of a run by the node that calls were emitted for. */
type SiteTimes = ReadonlyMap<string, number>;

/** The times of each variant, in each round. */
async function measureRounds(variants: readonly Variant[]): Promise<readonly SiteTimes[][]> {
  const warm = performance.now() + WARM_UP_MS;
  do {
    for (const variant of variants) await variant.run();
    await takeTurn();
  } while (performance.now() < warm);
  const rounds: SiteTimes[][] = [];
  const end = performance.now() + DECISION_MS;
  while (rounds.length < LEAST_ROUNDS || (performance.now() < end && rounds.length < MOST_ROUNDS)) {
    const round: SiteTimes[] = [];
    // What ran last has left the caches to what runs first, which is not always the same.
    for (let i = 0; i < variants.length; i++) {
      const index = (i + rounds.length) % variants.length;
      round[index] = await timeSites(variants[index] as Variant);
    }
    rounds.push(round);
    await takeTurn();
  }
  return rounds;
}

async function timeSites({ run }: Variant): Promise<SiteTimes> {
  const times = new Map<string, number>();
  await run((_subgraph, _segment, steps) => {
    for (const { site, spans } of steps) {
      const begin = Math.min(...spans.map((span) => span.begin));
      const end = Math.max(...spans.map((span) => span.end));
      times.set(site.name, (times.get(site.name) ?? 0) + end - begin);
    }
  });
  return times;
}

function sum(times: SiteTimes, nodes: ReadonlySet<string>): number {
  return [...nodes].reduce((total, node) => total + (times.get(node) ?? 0), 0);
}

/** The candidate with the least median, unless what the cost model takes is hardly slower. */
function fastest(
  { candidates, taken }: Choice,
  times: readonly (readonly number[])[],
): TunedChoice {
  const medians = times.map(median);
  const own = candidates.indexOf(taken);
  const best = medians.indexOf(Math.min(...medians));
  const least = (index: number) => Math.min(...(times[index] as readonly number[]));
  const isFaster =
    (medians[best] as number) < WORTHWHILE * (medians[own] as number) && least(best) < least(own);
  return {
    take: isFaster ? (candidates[best] as string) : taken,
    milliseconds: Object.fromEntries(
      candidates.map((candidate, i) => [candidate, Number((medians[i] as number).toPrecision(4))]),
    ),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const [low, high] = [sorted[sorted.length % 2 === 1 ? half : half - 1], sorted[half]];
  return ((low as number) + (high as number)) / 2;
}
