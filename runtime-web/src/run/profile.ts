import type { Arithmetic } from '@linnet/runtime-wasm';
import type {
  Cost,
  Latency,
  ModelInfo,
  OpProfile,
  Profile,
  StepProfile,
  StepSpan,
} from '../api.js';
import { LinnetError } from '../base.js';
import type { Peaks, StepTimes } from '../plan/backend.js';
import type { RunContext } from './executor.js';

/** Engines compile code well once they have seen it run for a while. */
const WARM_UP_MS = 300;

const DEFAULT_RUNS = 20;

export interface Subject {
  readonly runs: number | undefined;
  run(record: RunContext['record']): Promise<unknown>;
  peaks(): Promise<Peaks | null>;
  info(): ModelInfo;
}

/**
 * Profiles what `run` runs; see Model.profile. Plain and recorded runs take turns, so that both see
 * the same machine.
 *
 * @throws LinnetError of code INVALID_ARGUMENT for a number of runs that is none
 */
export async function profile({
  runs = DEFAULT_RUNS,
  run,
  peaks,
  info,
}: Subject): Promise<Profile> {
  if (!Number.isInteger(runs) || runs < 2) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `The number of runs is ${runs}; expected an integer of at least 2.`,
    );
  }
  const warm = performance.now() + WARM_UP_MS;
  do await run(undefined);
  while (performance.now() < warm);
  const peak = await peaks();
  const times: number[] = [];
  const recorder = new Recorder();
  for (let pair = 0; pair < Math.floor(runs / 2); pair++) {
    const began = performance.now();
    await run(undefined);
    times.push(performance.now() - began);
    await recorder.take(run);
  }
  return { info: info(), latency: latency(times), ...recorder.summary(peak, fasterHalf(times)) };
}

function latency(times: readonly number[]): Latency {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (index: number) => sorted[index] as number;
  const half = sorted.length >> 1;
  return {
    median: sorted.length % 2 === 1 ? at(half) : (at(half - 1) + at(half)) / 2,
    minimum: at(0),
    mean: sorted.reduce((sum, time) => sum + time, 0) / sorted.length,
    maximum: at(sorted.length - 1),
  };
}

/** The mean of the runs that other programs have disturbed least. */
function fasterHalf(times: readonly number[]): number {
  const half = times.toSorted((a, b) => a - b).slice(0, Math.ceil(times.length / 2));
  return sum(half, (time) => time) / half.length;
}

/** What a step is, in whichever run it happens. */
type Step = Pick<StepProfile, 'subgraph' | 'node' | 'op' | 'kernel' | 'arithmetic'>;

interface Call extends Pick<StepTimes, 'cost' | 'spans'> {
  /** Index of the step. */
  readonly step: number;
  /** Milliseconds until the next step began, the wait for the slowest thread included. */
  readonly milliseconds: number;
  /** Of these, milliseconds in which no thread was at work. */
  readonly gap: number;
}

interface Run {
  readonly milliseconds: number;
  readonly calls: readonly Call[];
}

/** Gathers what recorded runs tell. */
class Recorder {
  readonly #indices = new Map<string, number>();
  readonly #steps: Step[] = [];
  readonly #runs: Run[] = [];

  async take(run: Subject['run']): Promise<void> {
    const calls: Call[] = [];
    const began = performance.now();
    await run((subgraph, segment, steps) => calls.push(...this.#calls(subgraph, segment, steps)));
    this.#runs.push({ milliseconds: performance.now() - began, calls });
  }

  #calls(subgraph: string, segment: string, steps: readonly StepTimes[]): readonly Call[] {
    return steps.map((times, index) => {
      const { kernel, node, cost, spans } = times;
      const key = `${subgraph} ${segment} ${index} ${kernel}`;
      const step = this.#indices.get(key) ?? this.#steps.length;
      if (step === this.#steps.length) {
        this.#indices.set(key, step);
        const { arithmetic } = cost;
        this.#steps.push({ subgraph, node: node.name, op: node.op, kernel, arithmetic });
      }
      const done = last(spans);
      const end = steps[index + 1]?.spans[0]?.begin ?? done;
      const milliseconds = end - (spans[0]?.begin ?? end);
      return { step, cost, spans, milliseconds, gap: Math.max(0, end - done) };
    });
  }

  /** @param plain milliseconds of a run without a record */
  summary(peaks: Peaks | null, plain: number): Omit<Profile, 'info' | 'latency'> {
    const runs = this.#runs.toSorted((a, b) => a.milliseconds - b.milliseconds);
    const counted = runs.slice(0, Math.ceil(runs.length / 2));
    const calls = counted.flatMap((run) => run.calls);
    const cost = (some: readonly Call[], milliseconds = sum(some, (call) => call.milliseconds)) =>
      costOf(some, milliseconds, counted.length, peaks);
    const steps = this.#steps.map((step, index): StepProfile => {
      const mine = calls.filter((call) => call.step === index);
      return {
        ...step,
        calls: mine.length / counted.length,
        ...cost(mine),
        busy: busy(mine),
      };
    });
    const ops = [...new Set(steps.map(({ op }) => op))].map((op): OpProfile => {
      const mine = calls.filter((call) => this.#steps[call.step]?.op === op);
      return { op, calls: mine.length / counted.length, ...cost(mine) };
    });
    // To write the record down takes time, too, which belongs to no run.
    const inside = sum(calls, (call) => call.milliseconds);
    const total = cost(calls, Math.max(inside, plain * counted.length));
    return {
      peakGigaflops: peaks && gigaflops(peaks),
      peakGigabytes: peaks?.bandwidth == null ? null : peaks.bandwidth / 1e9,
      total,
      gaps: sum(calls, ({ gap }) => gap) / counted.length,
      outside: total.milliseconds - inside / counted.length,
      steps,
      ops: ops.sort((a, b) => b.milliseconds - a.milliseconds),
      spans: this.#spans(),
    };
  }

  #spans(): readonly StepSpan[] {
    const calls = this.#runs.flatMap((run) => run.calls);
    const begins = calls.flatMap(({ spans }) => spans.map(({ begin }) => begin));
    const origin = begins.reduce((first, begin) => Math.min(first, begin), Infinity);
    return calls.flatMap(({ step, spans }) =>
      spans.map(({ begin, end }, thread) => ({
        step,
        thread,
        begin: begin - origin,
        end: end - origin,
      })),
    );
  }
}

/** @param milliseconds of all `runs` runs that `calls` are from */
function costOf(
  calls: readonly Call[],
  milliseconds: number,
  runs: number,
  peaks: Peaks | null,
): Cost {
  const multiplyAdds = sum(calls, ({ cost }) => cost.multiplyAdds);
  const seconds = milliseconds / 1000;
  /** What the multiply-adds would take at the peaks. */
  const least =
    peaks &&
    sum(calls, ({ cost: { arithmetic, multiplyAdds: count } }) =>
      arithmetic === null ? 0 : count / peaks.multiplyAdds[arithmetic],
    );
  const bytes = sum(calls, ({ cost }) => cost.bytes);
  const bandwidth = peaks?.bandwidth ?? null;
  return {
    milliseconds: milliseconds / runs,
    multiplyAdds: multiplyAdds / runs,
    bytes: bytes / runs,
    gigaflops: seconds > 0 ? (2 * multiplyAdds) / seconds / 1e9 : 0,
    ofPeak: least !== null && multiplyAdds > 0 && seconds > 0 ? least / seconds : null,
    ofBandwidth: bandwidth !== null && seconds > 0 ? bytes / seconds / bandwidth : null,
  };
}

function busy(calls: readonly Call[]): number {
  const working = sum(calls, ({ spans }) => sum(spans, ({ begin, end }) => end - begin));
  const available = sum(calls, ({ spans, milliseconds }) => spans.length * milliseconds);
  return available > 0 ? Math.min(1, working / available) : 1;
}

function gigaflops({ multiplyAdds }: Peaks): Readonly<Record<Arithmetic, number>> {
  return Object.fromEntries(
    Object.entries(multiplyAdds).map(([arithmetic, peak]) => [arithmetic, (2 * peak) / 1e9]),
  ) as Record<Arithmetic, number>;
}

const last = (spans: StepTimes['spans']) => Math.max(...spans.map(({ end }) => end));

function sum<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((total, value) => total + of(value), 0);
}
