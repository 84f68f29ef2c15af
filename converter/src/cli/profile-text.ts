import type { Cost, ModelInfo, Profile } from '@linnet/runtime-web';
import { formatBytes } from '../units.js';
import { formatTable } from './console.js';
import type { Throughput } from './throughput.js';

/** A profile as text: a summary, and tables of ops, steps and choices. */
export function formatProfile(
  file: string,
  profile: Profile,
  throughput: Throughput | undefined,
): string {
  const { info, latency, peakGigaflops: peak, peakGigabytes, total, outside, steps, ops } = profile;
  const { memory } = info;
  const share = (cost: Cost) => percent(cost.milliseconds / total.milliseconds);
  const summary = [
    describeRun(file, info),
    `latency: median ${latency.median.toFixed(3)} ms, minimum ${latency.minimum.toFixed(3)}, mean ${latency.mean.toFixed(3)}, maximum ${latency.maximum.toFixed(3)}`,
    `work: ${mega(total.multiplyAdds)} million multiply-adds, ${formatBytes(total.bytes)} of tensors, ${total.gigaflops.toFixed(1)} GFLOP/s`,
    ...(peak === null
      ? []
      : [
          `peak: ${peak.float32.toFixed(1)} GFLOP/s in float32, ${peak.int8.toFixed(1)} in int8${
            total.ofPeak === null ? '' : `; reached: ${percent(total.ofPeak)}`
          }`,
        ]),
    ...(peakGigabytes === null || total.ofBandwidth === null
      ? []
      : [
          `bandwidth: ${peakGigabytes.toFixed(1)} GB/s by copying; reached: ${percent(total.ofBandwidth)}`,
          `gaps between dispatches: ${profile.gaps.toFixed(3)} ms of a recorded run`,
        ]),
    ...(throughput === undefined ? [] : [describeThroughput(throughput)]),
    `memory: ${formatBytes(memory.constants)} of weights, arena ${formatBytes(memory.arena)} (at least ${formatBytes(memory.arenaLowerBound)}), ${formatBytes(memory.state)} of state, ${formatBytes(memory.total)} in all`,
  ];
  const costs = (cost: Cost) => [
    fixed(cost.milliseconds, 3),
    share(cost),
    fixed(cost.multiplyAdds / 1e6, 2),
    fixed(cost.gigaflops, 1),
    cost.ofPeak === null ? '' : percent(cost.ofPeak),
    fixed(cost.milliseconds > 0 ? cost.bytes / cost.milliseconds / 1e6 : 0, 1),
    ...(peakGigabytes === null ? [] : [percent(cost.ofBandwidth ?? 0)]),
  ];
  const columns = [
    '      ms',
    'share',
    '   MMAC',
    'GFLOP/s',
    'of peak',
    '  GB/s',
    ...(peakGigabytes === null ? [] : ['of bandwidth']),
  ];
  const nothing = columns.slice(2).map(() => '');
  return [
    summary.join('\n'),
    formatTable(
      ['op', 'calls', ...columns],
      [
        ...ops.map((op) => [op.op, op.calls, ...costs(op)]),
        ['outside', 0, fixed(outside, 3), percent(outside / total.milliseconds), ...nothing],
      ],
    ),
    formatTable(
      ['step', 'op', 'node', 'kernel', ...columns, ' busy'],
      steps.map((step, index) => [
        index,
        step.op,
        step.node,
        step.kernel,
        ...costs(step),
        percent(step.busy),
      ]),
    ),
    ...formatChoices(info),
  ].join('\n\n');
}

function describeThroughput({ workers, alone, together }: Throughput): string {
  const gain = (together / alone).toFixed(2);
  return `throughput: one instance ${alone.toFixed(1)} runs/s, ${workers} workers ${together.toFixed(1)}, ${gain} times that, for ${workers} times the memory`;
}

/** The table of choices, where there were any to make. */
function formatChoices({ choices }: ModelInfo): readonly string[] {
  const open = choices.filter(({ candidates }) => candidates.length > 1);
  if (open.length === 0) return [];
  const rows = open.map(({ op, node, decision, taken, by, candidates }) => {
    const others = candidates.filter((candidate) => candidate !== taken);
    return [op, node, decision, taken, by, others.join(', ')];
  });
  return [formatTable(['op', 'node', 'decision', 'taken', 'by', 'others'], rows)];
}

function describeRun(file: string, info: ModelInfo): string {
  const { backend, backendReason, device, build, threads, threadsReason } = info;
  if (device !== null) return `${file} on ${backend} (${device})`;
  const plural = threads === 1 ? '' : 's';
  const why = info.fallback === null ? '' : `; ${backendReason}`;
  return `${file} on ${backend} (${build}), ${threads} thread${plural} (${threadsReason})${why}`;
}

const mega = (count: number) => (count / 1e6).toFixed(1);
const fixed = (value: number, digits: number) => value.toFixed(digits).padStart(digits + 5);
const percent = (share: number) => `${(100 * share).toFixed(1).padStart(4)}%`;
