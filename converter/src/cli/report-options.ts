/** The options of commands that report, and the files that they write. */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { LinnetError } from '@linnet/schema';
import { Option } from 'commander';
import { readNpy } from '../data/npy.js';
import { fileErrorReason } from '../file-errors.js';
import { digest } from '../report/digest.js';
import { reportHtml } from '../report/html.js';
import { makeReport, type Report, type ReportOptions } from '../report/report.js';
import { loadMetric, type Metric, topOne } from '../verify/metric.js';
import { toJson, UsageError } from './console.js';
import { collect, wholeNumber } from './options.js';
import { version } from './version.js';

export interface ReportFlags {
  readonly report: readonly string[];
  readonly reportSamples: number;
  readonly metric?: string;
  readonly labels?: string;
}

/** How a report is written, by the ending of the file's name. */
const WRITERS: Readonly<Record<string, (report: Report) => string>> = {
  '.html': reportHtml,
  '.json': (report) => `${toJson(report)}\n`,
};

export const reportOptions = (): readonly Option[] => [
  new Option(
    '--report <file>',
    'write what was lost and gained, layer by layer and end to end, to a .html or .json; repeatable',
  )
    .default([], 'none')
    .argParser(collect),
  new Option('--report-samples <n>', 'measure on at most n samples of the data')
    .default(200)
    .argParser(wholeNumber(1)),
  new Option(
    '--metric <module>',
    'what answers are worth: an .mjs that exports (outputs, sample, reference, index) => number',
  ),
  new Option(
    '--labels <file>',
    "classes of the data's samples in its order, for top-1: a .npy, or numbers in a text file",
  ),
];

/**
 * Checks the flags before any work is done.
 *
 * @throws UsageError for a file that is neither .html nor .json
 */
export function checkReportFlags({ report }: ReportFlags): void {
  const wrong = report.find((file) => !(extname(file) in WRITERS));
  if (wrong === undefined) return;
  const endings = Object.keys(WRITERS).join(' or ');
  throw new UsageError(`--report ${wrong}: expected a file that ends in ${endings}`);
}

/**
 * Measures and gives the files to write.
 *
 * @param read paths of the models and data that the command has read
 */
export async function reportFiles(
  flags: ReportFlags,
  read: readonly string[],
  options: Omit<ReportOptions, 'command' | 'version' | 'inputs' | 'metrics' | 'limit'>,
): Promise<ReadonlyMap<string, Uint8Array>> {
  if (flags.report.length === 0) return new Map();
  const metrics = await chosenMetrics(flags);
  const report = await makeReport({
    ...options,
    ...(metrics.length > 0 && { metrics }),
    command: commandLine(process.argv.slice(2)),
    version: version(),
    inputs: await Promise.all([...new Set(read)].map(digest)),
    limit: flags.reportSamples,
  });
  const text = new TextEncoder();
  return new Map(
    flags.report.map((file) => [file, text.encode(WRITERS[extname(file)]?.(report) ?? '')]),
  );
}

async function chosenMetrics({ metric, labels }: ReportFlags): Promise<readonly Metric[]> {
  return [
    ...(labels === undefined ? [] : [topOne(await readLabels(labels))]),
    ...(metric === undefined ? [] : [await loadMetric(metric)]),
  ];
}

/** @throws LinnetError IO or INVALID_ARGUMENT that names the file */
async function readLabels(file: string): Promise<readonly number[]> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new LinnetError('IO', `cannot read: ${fileErrorReason(cause)}`, { file }, [], { cause });
  }
  const labels =
    extname(file) === '.npy'
      ? Array.from(readNpy('labels', bytes, file).data as ArrayLike<number | bigint>, Number)
      : new TextDecoder().decode(bytes).trim().split(/\s+/).map(Number);
  const wrong = labels.findIndex((label) => !Number.isSafeInteger(label) || label < 0);
  if (wrong < 0) return labels;
  throw new LinnetError('INVALID_ARGUMENT', `label ${wrong} is no class`, { file }, [
    'Expected whole numbers from 0, one for each sample, in a .npy or separated by spaces or lines.',
  ]);
}

/** The command as a shell takes it. */
function commandLine(words: readonly string[]): string {
  const quoted = words.map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`,
  );
  return ['linnet', ...quoted].join(' ');
}
