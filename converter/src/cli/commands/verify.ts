import { Command, Option } from 'commander';
import { openDataset, type Preprocess } from '../../data/index.js';
import type { SignatureInfo } from '../../entry-point.js';
import { type OpenedRunner, openRunner } from '../../verify/open-runner.js';
import { randomInputs, seededRandom } from '../../verify/random-inputs.js';
import { type OutputDifference, selectSignature, verify } from '../../verify/verify.js';
import { formatTable, toJson, UsageError } from '../console.js';
import type { CommandContext } from '../context.js';
import { loadInputs } from '../inputs.js';
import {
  inputOption,
  jsonOption,
  nonNegative,
  preprocessOption,
  signatureOption,
  threadsOption,
  wholeNumber,
} from '../options.js';
import { writeFiles } from '../output-files.js';
import { createProgress } from '../progress.js';
import {
  checkReportFlags,
  type ReportFlags,
  reportFiles,
  reportOptions,
} from '../report-options.js';

interface VerifyOptions extends ReportFlags {
  readonly input: readonly string[];
  readonly random?: number;
  readonly data?: string;
  readonly preprocess?: Preprocess;
  readonly seed: number;
  readonly tolerance: number;
  readonly threads: number;
  readonly signature?: string;
  readonly json?: true;
}

/** `linnet verify`: how far two models are apart on the same inputs. */
export function verifyCommand(context: CommandContext): Command {
  const command = new Command('verify')
    .description('Run two models on the same inputs and compare their outputs.')
    .argument('<a>', 'the model to judge')
    .argument('<b>', 'the model to judge it by')
    .addOption(inputOption())
    .addOption(
      new Option('--random <n>', 'compare on n sets of random inputs').argParser(wholeNumber(1)),
    )
    .addOption(
      new Option('--seed <s>', 'seed of the random inputs').default(1).argParser(wholeNumber(0)),
    )
    .option('--data <path>', 'compare on samples of the kinds that convert calibrates by')
    .addOption(preprocessOption())
    .addOption(
      new Option('--tolerance <t>', 'largest absolute error that passes')
        .default(1e-4)
        .argParser(nonNegative),
    )
    .addOption(signatureOption())
    .addOption(threadsOption());
  for (const option of reportOptions()) command.addOption(option);
  return command
    .addOption(jsonOption())
    .addHelpText('after', '\nExit status: 0 within the tolerance, 1 past it.')
    .action(async (a: string, b: string, options: VerifyOptions) => {
      checkUsage(options);
      const { console, signal } = context;
      const { threads } = options;
      const progress = createProgress(console);
      const onProgress = (stage: string, done: number, total?: number) =>
        progress.update(stage, done, total ?? done);
      const open = (path: string) =>
        openRunner(path, { backend: 'wasm', threads, signal, onProgress });
      const runners: OpenedRunner[] = [];
      try {
        const expected = await open(b);
        runners.push(expected);
        const actual = await open(a);
        runners.push(actual);
        const signature = selectSignature(expected, options.signature);
        let runs = 0;
        const outputs = await verify(actual, expected, await inputSets(options, signature), {
          signature: signature.key,
          signal,
          onProgress: (done) => {
            runs = done + 1;
            onProgress('comparing', done);
          },
        });
        await writeFiles(
          await reportFiles(options, [a, b, ...(options.data ? [options.data] : [])], {
            reference: { name: b, bytes: expected.bytes },
            result: { path: a, bytes: actual.bytes },
            data: options.data ?? '',
            preprocess: options.preprocess,
            signature: signature.key,
            threads,
            choices: [],
            precision: null,
            signal,
            onProgress,
          }),
        );
        progress.stop();
        const { tolerance } = options;
        const passed = outputs.every(({ maxAbsoluteError }) => maxAbsoluteError <= tolerance);
        console.out(
          options.json ? toJson({ passed, tolerance, runs, outputs }) : formatOutputs(outputs),
        );
        if (!passed) {
          console.say(`linnet: the error is past the tolerance of ${tolerance}`);
          context.status = 1;
        }
      } finally {
        for (const runner of runners) runner.dispose();
        progress.stop();
      }
    });
}

function checkUsage(options: VerifyOptions): void {
  const { input, random, data, report } = options;
  const given = [input.length > 0, random !== undefined, data !== undefined];
  if (given.filter(Boolean).length !== 1) {
    throw new UsageError('give one of --input, --random and --data');
  }
  checkReportFlags(options);
  if (report.length > 0 && data === undefined) throw new UsageError('--report needs --data');
}

/** The inputs to compare on, one record per run. */
async function inputSets(options: VerifyOptions, signature: SignatureInfo) {
  const { input, random, data, preprocess, seed } = options;
  if (data !== undefined) return openDataset(data, signature.inputs, preprocess);
  if (random === undefined) return [await loadInputs(input, signature)];
  const next = seededRandom(seed);
  return Array.from({ length: random }, () => randomInputs(signature.inputs, next));
}

function formatOutputs(outputs: readonly OutputDifference[]): string {
  return formatTable(
    ['output', 'max abs error', 'relative', 'cosine', 'SQNR dB'],
    outputs.map((difference) => [
      difference.output,
      difference.maxAbsoluteError.toExponential(2),
      difference.relativeError.toExponential(2),
      difference.cosine.toFixed(6),
      difference.sqnr.toFixed(1),
    ]),
  );
}
