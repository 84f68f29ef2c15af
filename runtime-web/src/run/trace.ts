import type { Profile } from '../api.js';

/** An event of the Chrome trace event format; times are in microseconds. */
export interface TraceEvent {
  readonly name: string;
  /** X: a span; M: what a track is called. */
  readonly ph: 'X' | 'M';
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly args: Readonly<Record<string, string | number>>;
}

export interface Trace {
  readonly traceEvents: readonly TraceEvent[];
  readonly displayTimeUnit: 'ms';
}

/**
 * A profile's recorded runs as a trace with a track for each thread, whose JSON Perfetto and
 * chrome://tracing open. Source: Trace Event Format, JSON object format.
 */
export function toTrace(profile: Profile): Trace {
  const { info, steps, spans } = profile;
  const common = { pid: 1 };
  const names = Array.from({ length: info.threads }, (_, thread) => ({
    ...common,
    name: 'thread_name',
    ph: 'M' as const,
    tid: thread,
    ts: 0,
    args: { name: `${info.backend} thread ${thread}` },
  }));
  const events = spans.map(({ step, thread, begin, end }): TraceEvent => {
    const { subgraph, node, op, kernel, multiplyAdds, bytes } = steps[step] as (typeof steps)[0];
    return {
      ...common,
      name: op,
      ph: 'X',
      tid: thread,
      ts: 1000 * begin,
      dur: 1000 * (end - begin),
      cat: kernel,
      args: { node, subgraph, kernel, multiplyAdds, bytes },
    };
  });
  return { traceEvents: [...names, ...events], displayTimeUnit: 'ms' };
}
