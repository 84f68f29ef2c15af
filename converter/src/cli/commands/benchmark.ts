import { existsSync } from 'node:fs';
import {
  loadModel,
  type Model,
  type ModelInputs,
  type Tuning,
  toTrace,
  tuneModel,
} from '@linnet/runtime-web';
import { LinnetError } from '@linnet/schema';
import { Command, Option } from 'commander';
import { nodeSource } from '../../formats/node-source.js';
import { tfliteBytes } from '../../verify/open-runner.js';
import { randomInputs, seededRandom } from '../../verify/random-inputs.js';
import { selectSignature } from '../../verify/verify.js';
import { toJson } from '../console.js';
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
import { formatProfile } from '../profile-text.js';
import { createProgress } from '../progress.js';
import { measureThroughput, type Throughput } from '../throughput.js';
import { readTuning, writeTuning } from '../tuning-file.js';

interface BenchmarkOptions {
  readonly input: readonly string[];
  readonly backend: 'wasm' | 'webgpu';
  readonly threads: number;
  readonly runs: number;
  readonly signature?: string;
  readonly trace?: string;
  readonly tune?: string;
  readonly tuning?: string;
  readonly workers?: number;
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
    .option(
      '--tune <file>',
      'measure the kernels that there are for each node first, add the fastest to a file of JSON and run with them',
    )
    .addOption(
      new Option('--tuning <file>', 'choose kernels by what --tune has found').conflicts('tune'),
    )
    .addOption(
      new Option(
        '--workers <n>',
        'tell also how many runs a second so many workers do that share no memory',
      ).argParser(wholeNumber(1)),
    )
    .option('--trace <file>', 'write the recorded runs for Perfetto or chrome://tracing')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Multiply-adds count as two operations. The peak is measured first: what the threads compute on
registers alone. Times of steps are means of the faster half of the recorded runs. A step lasts until
the next one begins; busy is the part of that in which the threads were at work.

What --tune finds holds for this machine, build of the kernels and number of threads, or GPU; elsewhere, and for
other ops, it is ignored. It is for loadModel(source, { tuning }), too.`,
    )
    .action(async (file: string, options: BenchmarkOptions) => {
      const { console, signal } = context;
      const progress = createProgress(console);
      try {
        const bytes = await tfliteBytes(await nodeSource(file), {
          signal,
          onProgress: (stage, done, total) => progress.update(stage, done, total),
        });
        const { backend, threads, runs } = options;
        if (options.tune !== undefined) progress.update('tuning', 0, 0);
        const tuning = await tuningFor(bytes, options, signal);
        using model = await loadModel(bytes, { backend, threads, signal, tuning });
        progress.update('measuring', 0, 0);
        const { inputs, signature } = await inputsFor(model, options);
        const profile = await model.profile(inputs, { runs, signal, signature });
        const throughput = await throughputOf(model, bytes, options, tuning, signal);
        if (options.trace !== undefined) {
          const trace = JSON.stringify(toTrace(profile));
          await writeFiles(new Map([[options.trace, new TextEncoder().encode(trace)]]));
        }
        progress.stop();
        console.out(
          options.json
            ? toJson({ file, ...profile, ...(throughput && { throughput }) })
            : formatProfile(file, profile, throughput),
        );
      } catch (error) {
        throw error instanceof LinnetError && error.where.file === undefined
          ? error.at({ file })
          : error;
      } finally {
        progress.stop();
      }
    });
}

/** What to choose kernels by, measured where that is asked for. */
async function tuningFor(
  bytes: Uint8Array,
  options: BenchmarkOptions,
  signal: AbortSignal,
): Promise<Tuning | undefined> {
  const { tune, tuning: file, threads, backend } = options;
  if (tune === undefined) return file === undefined ? undefined : readTuning(file);
  const known = existsSync(tune) ? await readTuning(tune) : undefined;
  using model = await loadModel(bytes, { signal });
  const { inputs, signature } = await inputsFor(model, options);
  const tuning = await tuneModel(bytes, inputs, {
    backend,
    threads,
    signal,
    signature,
    tuning: known,
  });
  await writeTuning(tune, tuning);
  return tuning;
}

/** Runs a second of the model and of workers, where they are asked for. */
async function throughputOf(
  model: Model,
  bytes: Uint8Array,
  options: BenchmarkOptions,
  tuning: Tuning | undefined,
  signal: AbortSignal,
): Promise<Throughput | undefined> {
  const { backend, threads, workers } = options;
  if (workers === undefined) return undefined;
  using together = await loadModel(bytes, { backend, threads, workers, tuning, signal });
  const { inputs, signature } = await inputsFor(model, options);
  return await measureThroughput(model, together, inputs, { signature, signal });
}

async function inputsFor(
  model: Model,
  { input, signature: key }: BenchmarkOptions,
): Promise<{ readonly inputs: ModelInputs; readonly signature: string }> {
  const signature = selectSignature(model, key);
  const inputs =
    input.length > 0
      ? await loadInputs(input, signature)
      : randomInputs(signature.inputs, seededRandom(0));
  return { inputs: inputs as ModelInputs, signature: signature.key };
}
