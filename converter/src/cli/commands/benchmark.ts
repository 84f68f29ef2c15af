import {
  type Cost,
  loadModel,
  type Model,
  type ModelInfo,
  type Profile,
  type TensorInput,
  toTrace,
} from '@linnet/runtime-web';
import { LinnetError } from '@linnet/schema';
import { Command, Option } from 'commander';
import { nodeSource } from '../../formats/node-source.js';
import { formatBytes } from '../../units.js';
import { tfliteBytes } from '../../verify/open-runner.js';
import { randomInputs, seededRandom } from '../../verify/random-inputs.js';
import { selectSignature } from '../../verify/verify.js';
import { formatTable, toJson } from '../console.js';
import type { CommandContext } from '../context.js';
import { loadInputs } from '../inputs.js';
import {
  inputOption,
  jsonOption,
  signatureOption,
  threadsOption,
  wholeNumber,
} from '../options.js';
import { writeFiles } from '../output-files.js';
import { createProgress } from '../progress.js';

interface BenchmarkOptions {
  readonly input: readonly string[];
  readonly backend: 'wasm' | 'webgpu';
  readonly threads: number;
  readonly runs: number;
  readonly signature?: string;
  readonly trace?: string;
  readonly json?: true;
}

/** `linnet benchmark`: how fast a model runs here, and where the time goes. */
export function benchmarkCommand(context: CommandContext): Command {
  return new Command('benchmark')
    .description('Measure how fast a model runs on this machine, and show where the time goes.')
    .argument('<model>', '.tflite file, or a model to convert in memory')
    .addOption(inputOption().default([], 'random numbers, open dimensions 1'))
    .addOption(
      new Option('--backend <name>', 'what runs the model')
        .choices(['wasm', 'webgpu'])
        .default('wasm'),
    )
    .addOption(threadsOption())
    .addOption(
      new Option('--runs <n>', 'timed runs, every other one with a record of its steps')
        .default(50)
        .argParser(wholeNumber(2)),
    )
    .addOption(signatureOption())
    .option('--trace <file>', 'write the recorded runs for Perfetto or chrome://tracing')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Multiply-adds count as two operations. The peak is measured first: what the threads compute on
registers alone. Times of steps are means of the faster half of the recorded runs. A step lasts until
the next one begins; busy is the part of that in which the threads were at work.`,
    )
    .action(async (file: string, options: BenchmarkOptions) => {
      const { console, signal } = context;
      const progress = createProgress(console);
      try {
        const bytes = await tfliteBytes(await nodeSource(file), {
          signal,
          onProgress: (stage, done, total) => progress.update(stage, done, total),
        });
        const { backend, threads } = options;
        using model = await loadModel(bytes, { backend, threads, signal });
        progress.update('measuring', 0, 0);
        const profile = await measure(model, options, signal);
        if (options.trace !== undefined) {
          const trace = JSON.stringify(toTrace(profile));
          await writeFiles(new Map([[options.trace, new TextEncoder().encode(trace)]]));
        }
        progress.stop();
        console.out(options.json ? toJson({ file, ...profile }) : formatProfile(file, profile));
      } catch (error) {
        throw error instanceof LinnetError && error.where.file === undefined
          ? error.at({ file })
          : error;
      } finally {
        progress.stop();
      }
    });
}

async function measure(
  model: Model,
  { input, signature: key, runs }: BenchmarkOptions,
  signal: AbortSignal,
): Promise<Profile> {
  const signature = selectSignature(model, key);
  const inputs =
    input.length > 0
      ? await loadInputs(input, signature)
      : randomInputs(signature.inputs, seededRandom(0));
  return model.profile(inputs as Record<string, TensorInput>, {
    runs,
    signal,
    signature: signature.key,
  });
}

function formatProfile(file: string, profile: Profile): string {
  const { info, latency, peakGigaflops: peak, total, outside, steps, ops } = profile;
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
    `memory: ${formatBytes(memory.constants)} of weights, arena ${formatBytes(memory.arena)} (at least ${formatBytes(memory.arenaLowerBound)}), ${formatBytes(memory.state)} of state, ${formatBytes(memory.total)} in all`,
  ];
  const costs = (cost: Cost) => [
    fixed(cost.milliseconds, 3),
    share(cost),
    fixed(cost.multiplyAdds / 1e6, 2),
    fixed(cost.gigaflops, 1),
    cost.ofPeak === null ? '' : percent(cost.ofPeak),
    fixed(cost.milliseconds > 0 ? cost.bytes / cost.milliseconds / 1e6 : 0, 1),
  ];
  const columns = ['      ms', 'share', '   MMAC', 'GFLOP/s', 'of peak', '  GB/s'];
  return [
    summary.join('\n'),
    formatTable(
      ['op', 'calls', ...columns],
      [
        ...ops.map((op) => [op.op, op.calls, ...costs(op)]),
        ['outside', 0, fixed(outside, 3), percent(outside / total.milliseconds), '', '', '', ''],
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
  ].join('\n\n');
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
