import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UNKNOWN_DIM } from '@linnet/schema';
import { Command, InvalidArgumentError, Option } from 'commander';
import { CALIBRATION_METHODS, type CalibrationMethod } from '../../calibrate/index.js';
import {
  type ConvertReport,
  convert,
  OPTIMIZE_MODES,
  type OptimizeMode,
  type ProgramSize,
} from '../../convert.js';
import type { Preprocess } from '../../data/index.js';
import { formatRules, formatTransposes } from '../../passes/explain.js';
import {
  BLOCK_SIZES,
  type BlockSize,
  IO_TYPES,
  type IoType,
  QUANTIZE_MODES,
  type QuantizeMode,
} from '../../quantize/index.js';
import { describeChoices, describeWide } from '../../report/choices.js';
import { formatBytes } from '../../units.js';
import { formatTable, toJson, UsageError } from '../console.js';
import type { CommandContext } from '../context.js';
import { downloadFiles, formatDownload } from '../download-files.js';
import { jsonOption, preprocessOption, signatureOption, threadsOption } from '../options.js';
import { writeFiles } from '../output-files.js';
import {
  budgetOption,
  formatPrecision,
  type PrecisionCommandOptions,
  precisionOptionsOf,
  recipeFile,
  recipeOption,
  writeRecipeOption,
} from '../precision-options.js';
import { createProgress } from '../progress.js';
import {
  formatPruning,
  formatSparse,
  type PruneCommandOptions,
  pruneOptions,
  pruneOptionsOf,
} from '../prune-options.js';
import { formatRecovery, type RecoverCommandOptions, recoverOption } from '../recover-options.js';
import {
  checkReportFlags,
  type ReportFlags,
  reportFiles,
  reportOptions,
} from '../report-options.js';
import { preferSmallHeap } from '../small-heap.js';

type InputShapes = Readonly<Record<string, readonly number[]>>;

interface ConvertCommandOptions
  extends ReportFlags,
    RecoverCommandOptions,
    PrecisionCommandOptions,
    PruneCommandOptions {
  readonly output?: string;
  readonly optimize: OptimizeMode;
  readonly quantize?: QuantizeMode;
  readonly calibrationData?: string;
  readonly calibrationMethod?: CalibrationMethod;
  readonly reportData?: string;
  readonly preprocess?: Preprocess;
  readonly blockSize?: BlockSize;
  readonly ioType?: IoType;
  readonly threads: number;
  readonly signature?: string;
  readonly inputShape: InputShapes;
  readonly compress?: true;
  readonly explain?: true;
  readonly json?: true;
}

/** `linnet convert`: a saved model to an optimized TFLite file. */
export function convertCommand(context: CommandContext): Command {
  const command = new Command('convert');
  for (const option of [...reportOptions(), ...pruneOptions()]) command.addOption(option);
  return command
    .description('Convert a TensorFlow SavedModel, frozen GraphDef or TFLite file to TFLite.')
    .argument('<model>', 'folder of a SavedModel, .pb or .tflite file; told apart by content')
    .option(
      '-o, --output <file>',
      'where to write (default: the name of the model, in this folder)',
    )
    .addOption(
      new Option(
        '--optimize <mode>',
        'none: float32; default: int8 weights where they pay, all of int8 with calibration data; ' +
          'size, latency: what serves them best, with what is given',
      )
        .choices(OPTIMIZE_MODES)
        .default('none'),
    )
    .addOption(
      new Option(
        '--quantize <mode>',
        'how numbers are stored, in place of what --optimize chooses',
      ).choices(QUANTIZE_MODES),
    )
    .option(
      '--calibration-data <path>',
      'samples: a folder of pictures or TFRecords, a .npy, .npz, TFRecord or CSV file',
    )
    .option('--report-data <path>', 'samples to report on (default: the calibration data)')
    .addOption(
      new Option('--calibration-method <name>', 'how ranges are chosen (default: min-max)').choices(
        Object.keys(CALIBRATION_METHODS),
      ),
    )
    .addOption(preprocessOption())
    .addOption(
      new Option(
        '--io-type <dtype>',
        'what an integer model takes and gives (default: float32)',
      ).choices(IO_TYPES),
    )
    .addOption(
      new Option(
        '--block-size <n>',
        'weights of fully connected ops that share a scale, for int4 (default: a channel)',
      ).argParser(parseBlockSize),
    )
    .addOption(recoverOption())
    .addOption(budgetOption())
    .addOption(recipeOption())
    .addOption(writeRecipeOption())
    .addOption(threadsOption())
    .addOption(signatureOption().default(undefined, 'all'))
    .addOption(
      new Option(
        '--input-shape <name:dims>',
        'shape of an input, as in image:1,224,224,3; repeatable',
      )
        .default({}, 'as in the model')
        .argParser(parseInputShape),
    )
    .option('--compress', 'also write the model as it is best downloaded: FILE.json and its chunks')
    .option('--explain', 'print which rewrite fired how often and what it saved')
    .addOption(jsonOption())
    .action(async (model: string, options: ConvertCommandOptions) => {
      const { console, signal } = context;
      preferSmallHeap();
      const output = options.output ?? defaultOutput(model);
      if (await isSameFile(model, output)) {
        throw new UsageError(`the output ${output} is the model itself; choose another with -o`);
      }
      const { calibrationData, reportData = calibrationData, preprocess, threads } = options;
      checkReportFlags(options);
      if (options.report.length > 0 && reportData === undefined) {
        throw new UsageError('--report needs data: --report-data, or --calibration-data');
      }
      const progress = createProgress(console);
      try {
        const { bytes, reference, report } = await convert(model, {
          reference: options.report.length > 0,
          optimize: options.optimize,
          ...(options.quantize && { quantize: options.quantize }),
          ...(options.blockSize && { blockSize: options.blockSize }),
          ...(options.recover && { recover: options.recover }),
          ...(await precisionOptionsOf(options)),
          ...(options.ioType && { ioType: options.ioType }),
          ...(calibrationData && {
            calibration: {
              data: calibrationData,
              ...(options.calibrationMethod && { method: options.calibrationMethod }),
              ...(preprocess && { preprocess }),
              threads,
            },
          }),
          ...pruneOptionsOf(options),
          inputShapes: options.inputShape,
          ...(options.signature !== undefined && { signatures: [options.signature] }),
          signal,
          onProgress: ({ stage, done, total }) => progress.update(stage, done, total),
        });
        const reports =
          reference === undefined || reportData === undefined
            ? []
            : await reportFiles(options, [model, ...paths(calibrationData, reportData)], {
                reference: { name: `${model}, optimized, in float32`, bytes: reference },
                result: { path: output, bytes },
                data: reportData,
                preprocess,
                signature: options.signature,
                threads,
                choices: describeChoices(report),
                precision: report.precision,
                signal,
                onProgress: (stage, done, total) => progress.update(stage, done, total ?? done),
              });
        const recipe = recipeFile(options, report);
        const download = options.compress ? downloadFiles(output, bytes) : new Map();
        await writeFiles(new Map([[output, bytes], ...download, ...reports, ...recipe]));
        progress.stop();
        for (const note of report.notes) console.say(`linnet: note: ${note}`);
        if (options.json)
          console.out(toJson({ model, output, optimize: options.optimize, ...report }));
        else console.out(formatReport(model, output, report, options.explain ?? false));
        if (options.compress && !options.json) console.out(formatDownload(download));
      } finally {
        progress.stop();
      }
    });
}

function paths(...all: readonly (string | undefined)[]): readonly string[] {
  return all.filter((path) => path !== undefined);
}

/** The model's name with .tflite, in the working directory. */
function defaultOutput(model: string): string {
  const name = basename(model);
  // A SavedModel may be named by its file, which is always called the same.
  const stem = /^saved_model\.pb(txt)?$/.test(name)
    ? basename(dirname(join(process.cwd(), model)))
    : name;
  return `${stem.replace(/\.(pb|tflite)$/, '')}.tflite`;
}

async function isSameFile(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all(
    [a, b].map((path) => stat(path).catch(() => undefined)),
  );
  return (
    first !== undefined &&
    second !== undefined &&
    first.ino === second.ino &&
    first.dev === second.dev
  );
}

function parseBlockSize(text: string): BlockSize {
  const size = BLOCK_SIZES.find((known) => `${known}` === text);
  if (size !== undefined) return size;
  throw new InvalidArgumentError(`Expected one of ${BLOCK_SIZES.join(', ')}.`);
}

function parseInputShape(text: string, previous: InputShapes): InputShapes {
  // Input names may hold colons (`x:0`), shapes never do.
  const split = text.lastIndexOf(':');
  const name = text.slice(0, split);
  const dims = text
    .slice(split + 1)
    .split(',')
    .map(Number);
  const isShape = dims.every((dim) => Number.isSafeInteger(dim) && dim >= UNKNOWN_DIM);
  if (split <= 0 || !isShape || text.endsWith(':')) {
    throw new InvalidArgumentError('Expected NAME:DIM,DIM,... with whole numbers, -1 for any.');
  }
  return { ...previous, [name]: dims };
}

function formatReport(
  model: string,
  output: string,
  report: ConvertReport,
  explain: boolean,
): string {
  const { before, after } = report;
  const parts = [
    `${model} (${report.format}) -> ${output}, ${formatBytes(report.bytes)}`,
    formatTable(
      ['signature', 'direction', 'name', 'dtype', 'shape'],
      report.signatures.flatMap(({ key, inputs, outputs }) => [
        ...inputs.map(({ name, dtype, shape }) => [key, 'input', name, dtype, formatShape(shape)]),
        ...outputs.map(({ name, dtype, shape }) => [
          key,
          'output',
          name,
          dtype,
          formatShape(shape),
        ]),
      ]),
    ),
    `${before.nodes} ops and ${formatBytes(before.constants)} of constants before, ` +
      `${after.nodes} and ${formatBytes(after.constants)} after`,
  ];
  if (report.precision !== null) parts.push(formatPrecision(report.precision));
  if (report.recovery.length > 0) parts.push(formatRecovery(report.recovery));
  if (report.pruning !== null) parts.push(formatPruning(report.pruning));
  if (report.sparse !== null) parts.push(formatSparse(report.sparse));
  if (report.quantized.length > 0) {
    const { quantization, quantized } = report;
    parts.push(`${quantized.length} weight tensors quantized (${quantization})`);
    parts.push(...describeWide(report));
  }
  if (report.floatNodes.length > 0) {
    const rows = report.floatNodes.map(({ op, node, reason }) => [op, node, reason]);
    parts.push(`left in float32:\n${formatTable(['op', 'node', 'reason'], rows)}`);
  }
  if (explain) {
    parts.push(formatOps(before, after), formatRules(report.rules));
    if (report.transposes.length > 0) {
      parts.push(`transposes left:\n${formatTransposes(report.transposes)}`);
    }
  }
  return parts.join('\n\n');
}

function formatShape(shape: readonly number[]): string {
  return `[${shape.map((dim) => (dim < 0 ? '?' : dim))}]`;
}

function formatOps(before: ProgramSize, after: ProgramSize): string {
  const ops = new Set([...Object.keys(after.ops), ...Object.keys(before.ops)]);
  return formatTable(
    ['op', 'before', 'after'],
    [...ops].map((op) => [op, before.ops[op] ?? 0, after.ops[op] ?? 0]),
  );
}
