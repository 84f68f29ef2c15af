// Our output files in other TFLite runtimes: LiteRT.js in Chromium and, where there is a Python
// with TensorFlow, tf.lite.Interpreter.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { convert } from '@linnet/converter';
import { loadModel } from '@linnet/runtime-web';
import { read } from '@linnet/schema';
import { compare } from '../../converter/dist/verify/compare.js';
import { launchBrowser } from '../browser/launch.mjs';
import { serve } from '../browser/server.mjs';
import { pack, unpack } from '../dist/browser/parcel.js';
import { convertFixture, fixturePath, models, recordedCase } from '../dist/support/fixtures.js';
import { normalized, PICTURES, pixels } from '../dist/support/imagenet.js';
import { shared } from '../dist/support/paths.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const PAGE = here('../../docs/agreement.md');

/** What LiteRT.js can pass in and out. */
const LITERT_DTYPES = ['float32', 'int32', 'uint8'];

/** Rows of a recorded case that LiteRT.js runs: it takes no shapes that the file leaves open. */
const ROWS = 8;

const MOBILENETS = {
  'mobilenet_v2_1.0_224_float': normalized,
  'mobilenet_v2_1.0_224_quant': (rgb) => rgb,
};

/** @param {{python?: string}} options `python`: an interpreter that has TensorFlow */
export async function measureAgreement({ python }) {
  const folder = mkdtempSync(join(tmpdir(), 'linnet-agreement-'));
  try {
    const subjects = [...(await fixtureSubjects()), ...(await mobilenetSubjects())];
    for (const [index, subject] of subjects.entries()) {
      subject.file = `${index}.tflite`;
      subject.rowFile = `${index}-row.tflite`;
      writeFileSync(join(folder, subject.file), subject.bytes);
      writeFileSync(join(folder, subject.rowFile), subject.rowBytes);
    }
    await runOurs(subjects);
    await runLitert(subjects, folder);
    if (python !== undefined) runInterpreter(subjects, folder, python);
    writeFileSync(PAGE, page(subjects, python !== undefined));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * A subject is a file, one of its signatures, and inputs: a whole case, and single rows of it for a
 * second file whose shapes are fixed to those of a row.
 */
async function fixtureSubjects() {
  const subjects = [];
  for (const [path, entries] of models) {
    for (const optimize of ['none', 'default']) {
      const { bytes } = await convertFixture(path, optimize);
      for (const entry of entries) {
        const { inputs } = recordedCase(entry);
        const { name, signature } = entry;
        const rows = rowsOf(inputs);
        const { bytes: rowBytes } = await convert(fixturePath(path), {
          optimize,
          signatures: [signature ?? 'serving_default'],
          inputShapes: Object.fromEntries(
            Object.entries(rows[0]).map(([input, { shape }]) => [input, shape]),
          ),
        });
        subjects.push({ name, optimize, bytes, signature, inputs, rowBytes, rows });
      }
    }
  }
  return subjects;
}

async function mobilenetSubjects() {
  const subjects = [];
  for (const [name, toInput] of Object.entries(MOBILENETS)) {
    const file = shared(`models/${name}.tflite`);
    if (!existsSync(file)) continue;
    const bytes = readFileSync(file);
    const {
      inputs: [{ name: input, dtype, shape }],
    } = await loadModel(bytes);
    const rows = Object.keys(PICTURES).map((picture) => ({
      [input]: { dtype, shape, data: toInput(pixels(picture)) },
    }));
    const [inputs] = rows;
    subjects.push({
      name,
      optimize: 'published',
      bytes,
      signature: null,
      inputs,
      rowBytes: bytes,
      rows,
    });
  }
  return subjects;
}

/** The first rows of inputs that are batches of equal size. */
function rowsOf(inputs) {
  const values = Object.entries(inputs);
  const count = Math.min(ROWS, ...values.map(([, { shape }]) => shape[0] ?? 0));
  return Array.from({ length: count }, (_, row) =>
    Object.fromEntries(
      values.map(([name, { dtype, shape, data }]) => {
        const size = data.length / shape[0];
        const part = data.slice(row * size, (row + 1) * size);
        return [name, { dtype, shape: [1, ...shape.slice(1)], data: part }];
      }),
    ),
  );
}

async function runOurs(subjects) {
  for (const subject of subjects) {
    const { bytes, signature, inputs, rowBytes, rows } = subject;
    const model = await loadModel(bytes);
    subject.whole = await model.run(inputs, signature === null ? {} : { signature });
    model.dispose();
    const rowModel = await loadModel(rowBytes);
    subject.dtypes = [...rowModel.inputs, ...rowModel.outputs].map(({ dtype }) => dtype);
    subject.single = [];
    for (const row of rows) subject.single.push(await rowModel.run(row));
    rowModel.dispose();
    const [{ inputs: given, outputs }] = read(rowBytes).subgraphs;
    subject.passesThrough = outputs.some((tensor) => given.includes(tensor));
  }
}

async function runLitert(subjects, folder) {
  const server = await serve({ '/': here('.'), '/peers/': here('node_modules'), '/data/': folder });
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(`${server.origin}/litert.html`);
    await page.waitForFunction('globalThis.peer !== undefined');
    for (const subject of subjects) {
      subject.litert = litertRefusal(subject) ?? (await litertError(page, subject));
    }
  } finally {
    await browser.close();
    await server.close();
  }
}

/** Why LiteRT.js cannot run a file, or null. */
function litertRefusal({ dtypes, passesThrough }) {
  const foreign = dtypes.find((dtype) => !LITERT_DTYPES.includes(dtype));
  if (foreign !== undefined) return `takes no ${foreign}`;
  return passesThrough ? 'reads no input that is also an output' : null;
}

/** The largest relative error over rows and outputs, or what LiteRT.js says. */
async function litertError(page, { rowFile, rows, single }) {
  let worst = 0;
  for (const [index, row] of rows.entries()) {
    const inputs = Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, pack(value)]),
    );
    try {
      const outputs = await page.evaluate(
        ([url, given]) => globalThis.peer.run(url, given),
        [`/data/${rowFile}`, inputs],
      );
      worst = Math.max(worst, errorOf(single[index], outputs.map(unpack)));
    } catch (error) {
      return String(error.message).split('\n')[0];
    }
  }
  return worst;
}

function runInterpreter(subjects, folder, python) {
  const tasks = subjects.map(({ file, signature, inputs }) => ({
    file,
    signature,
    inputs: Object.fromEntries(
      Object.entries(inputs).map(([name, value]) => [name, base64(value)]),
    ),
  }));
  writeFileSync(join(folder, 'tasks.json'), JSON.stringify(tasks));
  const { status, stderr } = spawnSync(python, [here('interpreter.py'), folder], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${python} failed:\n${stderr}`);
  const answers = JSON.parse(readFileSync(join(folder, 'answers.json'), 'utf8'));
  subjects.forEach((subject, index) => {
    const answer = answers[index];
    subject.interpreter =
      typeof answer === 'string'
        ? answer
        : errorOf(
            subject.whole,
            Object.fromEntries(
              Object.entries(answer).map(([name, value]) => [name, fromBase64(value)]),
            ),
          );
  });
}

/**
 * The largest relative error of the float outputs, or of all where there are none: classes trade
 * places when their scores nearly tie. Outputs are matched by name, or where the peer's have no
 * names of the signature, by position.
 */
function errorOf(ours, theirs) {
  const outputs = Object.entries(ours).map(([name, output], index) => ({
    output,
    other: Array.isArray(theirs) ? theirs[index] : theirs[name],
  }));
  const floats = outputs.filter(({ output }) => output.dtype === 'float32');
  const judged = floats.length > 0 ? floats : outputs;
  return Math.max(
    ...judged.map(({ output, other }) => compare(output.data, other.data).relativeError),
  );
}

const base64 = (value) => {
  const { data, ...rest } = pack(value);
  return { ...rest, data: Buffer.from(data, 'latin1').toString('base64') };
};
const fromBase64 = ({ data, ...rest }) =>
  unpack({ ...rest, data: Buffer.from(data, 'base64').toString('latin1') });

function page(subjects, withPython) {
  const cell = (value) => (typeof value === 'number' ? value.toExponential(1) : (value ?? '–'));
  const rows = subjects.map(
    ({ name, optimize, litert, interpreter }) =>
      `| ${name} | ${optimize} | ${cell(litert)} | ${cell(interpreter)} |`,
  );
  const worst = (key, mode) =>
    cell(
      Math.max(
        ...subjects
          .filter(({ optimize }) => optimize === mode)
          .map((subject) => subject[key])
          .filter((value) => typeof value === 'number'),
      ),
    );
  return `# Agreement with other TFLite runtimes

Files that Linnet wrote, and two published ones, in Linnet's runtime and in others: the largest
difference of a float output, relative to the largest magnitude in it. LiteRT.js
(@litertjs/core ${litertVersion()}) runs in Chromium, on the first ${ROWS} rows of each recorded case and files
converted for one row, since it takes no open dimensions. tf.lite.Interpreter runs whole cases${withPython ? '' : ' (left out: no --python was given)'}. The runtimes sum float32 products in different orders; where an activation lies
between two steps of \`--optimize default\`, that decides to which one it is rounded.

The worst in LiteRT.js: ${worst('litert', 'none')} for float32, ${worst('litert', 'default')} for \`--optimize default\`.${
    withPython
      ? `
The worst in tf.lite.Interpreter: ${worst('interpreter', 'none')} and ${worst('interpreter', 'default')}.`
      : ''
  }

Written by \`node test/peers/run.mjs agreement${withPython ? ' --python PATH' : ''}\`.

| Model | --optimize | LiteRT.js | tf.lite.Interpreter |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}

function litertVersion() {
  return JSON.parse(readFileSync(here('node_modules/@litertjs/core/package.json'), 'utf8')).version;
}
