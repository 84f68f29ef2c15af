/**
 * Compares Linnet with TensorFlow on tf.keras.applications nets and writes
 * docs/keras-applications.md. Not run by CI: it needs TensorFlow and takes minutes per net.
 *
 *   python compare.py build --cache DIR
 *   node compare.mjs --cache DIR [--python PATH] [--rounds N] [--nets ResNet50,...]
 *
 * Every conversion is a process of its own; with several rounds, the fastest counts.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { read } from '@linnet/schema';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LINNET = join(ROOT, 'converter/dist/cli/main.js');
const PAGE = join(ROOT, 'docs/keras-applications.md');
const FORMS = { export: 'model.export', save: 'tf.saved_model.save' };
const MODES = ['none', 'default'];

/** Runs a command to its end; throws with its error message when it fails. */
function execute(command, args, env = {}) {
  const start = performance.now();
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: 1 << 28,
  });
  const seconds = (performance.now() - start) / 1000;
  if (result.error) throw result.error;
  if (result.status !== 0) {
    const said = result.stderr.split('\n').find((line) => /^(linnet: |[\w.]*Error\b)/.test(line));
    throw new Error(said ?? `exit status ${result.status ?? result.signal}`);
  }
  return { seconds, stdout: result.stdout };
}

/** Runs the linnet command; adds the peak memory of its process, in bytes. */
function linnet(work, ...args) {
  const file = join(work, 'usage.json');
  const hook = join(HERE, 'report-usage.mjs');
  const { seconds } = execute(process.execPath, ['--import', hook, LINNET, ...args], {
    USAGE_FILE: file,
  });
  return { seconds, peakBytes: JSON.parse(readFileSync(file, 'utf8')).peakBytes };
}

/** tf.lite's conversion: seconds of the process, of the conversion alone, and peakBytes. */
function tflite(python, savedModel, output, optimize) {
  const { seconds, stdout } = execute(python, [
    join(HERE, 'compare.py'),
    ...['tflite', savedModel, '--output', output, '--optimize', optimize],
  ]);
  const { convert_s, peak_bytes, tensorflow } = JSON.parse(stdout);
  return { seconds, convertSeconds: convert_s, peakBytes: peak_bytes, tensorflow };
}

function fastest(rounds, measure) {
  const results = Array.from({ length: rounds }, measure);
  return results.reduce((a, b) => (a.seconds <= b.seconds ? a : b));
}

/** The elements of a .npy file of float32 in C order. */
function readNpy(path) {
  const bytes = readFileSync(path);
  const wide = bytes[6] > 1;
  const start = wide ? 12 : 10;
  const end = start + (wide ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8));
  const header = bytes.toString('latin1', start, end);
  if (!header.includes("'<f4'") || header.includes("'fortran_order': True")) {
    throw new Error(`${path}: expected float32 in C order, found ${header.trim()}`);
  }
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset + end));
}

/** Largest absolute error, and the same relative to the output's largest magnitude. */
function errors(expectedFolder, actualFolder) {
  let absolute = 0;
  let relativeError = 0;
  for (const name of readdirSync(expectedFolder)) {
    const expected = readNpy(join(expectedFolder, name));
    const actual = readNpy(join(actualFolder, name));
    if (actual.length !== expected.length) {
      throw new Error(`${name}: ${actual.length} elements, expected ${expected.length}`);
    }
    let worst = 0;
    let largest = 0;
    for (let i = 0; i < expected.length; i++) {
      worst = Math.max(worst, Math.abs(actual[i] - expected[i])); // a NaN stays
      largest = Math.max(largest, Math.abs(expected[i]));
    }
    absolute = Math.max(absolute, worst);
    relativeError = Math.max(relativeError, worst / largest);
  }
  return { absolute, relative: relativeError };
}

function countTransposes(path) {
  const operators = read(readFileSync(path)).subgraphs.flatMap((graph) => graph.operators);
  return operators.filter(({ op }) => op === 'TRANSPOSE').length;
}

function folderBytes(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.reduce((sum, file) => sum + statSync(join(file.parentPath, file.name)).size, 0);
}

/** What `measure` gives, or { failure } with the reason it gave none. */
function attempt(measure) {
  try {
    return measure();
  } catch (error) {
    return { failure: error.message };
  }
}

/** All figures of one net, saved one way, converted with one of MODES. */
function compareOne({ python, rounds, work }, folder, form, mode) {
  const savedModel = join(folder, form);
  const theirFile = join(folder, `${form}.${mode}.tf.tflite`);
  const ourFile = join(folder, `${form}.${mode}.linnet.tflite`);
  const modelBytes = folderBytes(savedModel);
  const theirs = attempt(() => ({
    ...fastest(rounds, () => tflite(python, savedModel, theirFile, mode)),
    bytes: statSync(theirFile).size,
    transposes: countTransposes(theirFile),
  }));
  const ours = attempt(() => {
    const convert = ['convert', savedModel, '-o', ourFile, '--optimize', mode];
    return {
      ...fastest(rounds, () => linnet(work, ...convert)),
      bytes: statSync(ourFile).size,
      transposes: countTransposes(ourFile),
    };
  });
  const outputs = attempt(() => {
    if (ours.failure) throw new Error('not converted');
    const inputs = readdirSync(`${savedModel}.input`).flatMap((file) => [
      '--input',
      `${basename(file, '.npy')}=${join(`${savedModel}.input`, file)}`,
    ]);
    const outputFolder = mkdtempSync(join(work, 'outputs-'));
    linnet(work, 'run', ourFile, ...inputs, '--output-dir', outputFolder);
    return errors(`${savedModel}.output`, outputFolder);
  });
  return { modelBytes, theirs, ours, outputs };
}

const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(1);
const fixed = (digits) => (value) => value.toFixed(digits);
const scientific = (value) => value.toExponential(1);
/** A cell: the figure, or a dash where the side it comes from failed. */
const cell = (side, format, pick) => (side.failure ? '–' : format(pick(side)));

/** A Markdown table of rows; columns map a title to what a row's cell holds. */
function table(columns, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const titles = Object.keys(columns);
  const lines = rows.map((row) => line(titles.map((title) => columns[title](row))));
  return [line(titles), line(titles.map(() => '---')), ...lines].join('\n');
}

const NAME_COLUMNS = { Net: ({ net }) => net, 'Saved by': ({ form }) => FORMS[form] };

const OUTPUT_COLUMNS = {
  ...NAME_COLUMNS,
  'Max abs. error': ({ none }) => cell(none.outputs, scientific, (x) => x.absolute),
  'Max rel. error': ({ none }) => cell(none.outputs, scientific, (x) => x.relative),
  'Rel. error, int8 weights': (row) => cell(row.default.outputs, scientific, (x) => x.relative),
  TRANSPOSE: ({ none }) => cell(none.ours, String, (x) => x.transposes),
  'TRANSPOSE, tf.lite': ({ none }) => cell(none.theirs, String, (x) => x.transposes),
};

const costColumns = (mode) => ({
  ...NAME_COLUMNS,
  'Linnet s': (row) => cell(row[mode].ours, fixed(2), (x) => x.seconds),
  'tf.lite s': (row) => cell(row[mode].theirs, fixed(2), (x) => x.convertSeconds),
  'tf.lite s, import too': (row) => cell(row[mode].theirs, fixed(2), (x) => x.seconds),
  'Times faster': ({ [mode]: { ours, theirs } }) =>
    ours.failure ? '–' : cell(theirs, fixed(1), (x) => x.seconds / ours.seconds),
  'Model MiB': (row) => mebibytes(row[mode].modelBytes),
  'Peak MiB': (row) => cell(row[mode].ours, mebibytes, (x) => x.peakBytes),
  'Peak / model': (row) =>
    cell(row[mode].ours, fixed(1), (x) => x.peakBytes / row[mode].modelBytes),
  'tf.lite peak MiB': (row) => cell(row[mode].theirs, mebibytes, (x) => x.peakBytes),
  'File MiB': (row) => cell(row[mode].ours, mebibytes, (x) => x.bytes),
  'tf.lite file MiB': (row) => cell(row[mode].theirs, mebibytes, (x) => x.bytes),
});

function failureList(results) {
  const failures = results.flatMap(({ net, form, ...byMode }) =>
    MODES.flatMap((mode) =>
      ['theirs', 'ours', 'outputs']
        .filter((side) => byMode[mode][side].failure)
        .map((side) => `- ${net}, ${FORMS[form]}, ${mode}, ${side}: ${byMode[mode][side].failure}`),
    ),
  );
  return failures.length === 0 ? 'None.' : failures.join('\n');
}

function page(results, idle) {
  const versions = results.flatMap(({ none }) => none.theirs.tensorflow ?? []);
  return `# Keras applications

tf.keras.applications nets with random weights, biases and normalization statistics, saved both
ways Keras knows, converted by Linnet and by TensorFlow's own converter, and compared with
TensorFlow's outputs on two seeded images. \`test/keras-applications/compare.mjs\` writes this page
and says how to run it.

${cpus()[0].model.trim()}, ${cpus().length} cores, Node ${process.version}, TensorFlow ${versions[0] ?? 'not found'}. Each conversion is a
fresh process. Peak is its largest resident memory; an idle \`linnet --version\` takes
${cell(idle, mebibytes, (x) => x.peakBytes)} MiB of it.

## Outputs

Errors of the float32 file, and of the one with int8 weights, on Linnet's runtime; relative to the
output's largest magnitude.

${table(OUTPUT_COLUMNS, results)}

## Cost of \`--optimize none\`

${table(costColumns('none'), results)}

## Cost of \`--optimize default\`

${table(costColumns('default'), results)}

## Failures

${failureList(results)}
`;
}

function main() {
  const { values } = parseArgs({
    options: {
      cache: { type: 'string' },
      python: { type: 'string', default: 'python3' },
      rounds: { type: 'string', default: '1' },
      nets: { type: 'string' },
    },
  });
  if (!values.cache) throw new Error('--cache DIR is required: the folder compare.py build filled');
  const cache = resolve(values.cache);
  const folders = readdirSync(cache, { withFileTypes: true }).filter((x) => x.isDirectory());
  const nets = values.nets?.split(',') ?? folders.map((folder) => folder.name).sort();
  const work = mkdtempSync(join(tmpdir(), 'linnet-compare-'));
  try {
    const setup = { python: values.python, rounds: Number(values.rounds), work };
    const results = nets.flatMap((net) =>
      Object.keys(FORMS).map((form) => {
        const byMode = MODES.map((mode) => {
          console.error(`${net} ${form} ${mode}`);
          return [mode, compareOne(setup, join(cache, net), form, mode)];
        });
        return { net, form, ...Object.fromEntries(byMode) };
      }),
    );
    const text = page(
      results,
      attempt(() => linnet(work, '--version')),
    );
    // Messages name files by their paths on this machine.
    writeFileSync(PAGE, text.replaceAll(`${cache}/`, '').replaceAll(ROOT, ''));
    console.log(relative(process.cwd(), PAGE));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

main();
