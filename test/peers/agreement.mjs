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
import { launchBrowser } from '../browser/launch.mjs';
import { serve } from '../browser/server.mjs';
import { pack, unpack } from '../dist/browser/parcel.js';
import { convertFixture, fixturePath, models, recordedCase } from '../dist/support/fixtures.js';
import { normalized, PICTURES, pixels } from '../dist/support/imagenet.js';
import { shared } from '../dist/support/paths.js';
import { page } from './agreement-page.mjs';
import { floatError, outputSteps, stepError } from './errors.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const PAGE = here('../../docs/agreement.md');

/** What LiteRT.js can pass in and out. */
const LITERT_DTYPES = ['float32', 'int32', 'uint8'];

/** Rows of a recorded case that LiteRT.js runs: it takes no shapes that the file leaves open. */
const ROWS = 8;

/** How fixtures are converted; integer modes are calibrated on the recorded inputs. */
const MODES = {
  none: { optimize: 'none' },
  default: { optimize: 'default' },
  int8: { quantize: 'int8' },
  int16x8: { quantize: 'int16x8' },
};
const isInteger = (mode) => mode in MODES && MODES[mode].quantize !== undefined;

/** What computes in tf.lite.Interpreter, by resolver. */
const KERNELS = {
  xnnpack: 'AUTO',
  builtin: 'BUILTIN_WITHOUT_DEFAULT_DELEGATES',
  reference: 'BUILTIN_REF',
};

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
    const facts = { rows: ROWS, litert: litertVersion(), withPython: python !== undefined };
    const [integers, floats] = [true, false].map((wanted) =>
      subjects.filter(({ mode }) => isInteger(mode) === wanted),
    );
    writeFileSync(PAGE, page(floats, integers, facts));
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
    for (const mode of Object.keys(MODES)) {
      for (const entry of entries) {
        const { inputs } = recordedCase(entry);
        const { name, signature } = entry;
        const options = {
          ...MODES[mode],
          ...(signature === null ? {} : { signatures: [signature] }),
        };
        const calibrated = (data) => (isInteger(mode) ? { calibration: { data } } : {});
        const { bytes } = await convertFixture(path, { ...options, ...calibrated([inputs]) });
        const all = rowsOf(inputs);
        const rows = all.slice(0, ROWS);
        const { bytes: rowBytes } = await convert(fixturePath(path), {
          ...options,
          ...calibrated(all),
          inputShapes: Object.fromEntries(
            Object.entries(rows[0]).map(([input, { shape }]) => [input, shape]),
          ),
        });
        subjects.push({ name, mode, bytes, signature, inputs, rowBytes, rows });
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
      mode: 'published',
      bytes,
      signature: null,
      inputs,
      rowBytes: bytes,
      rows,
    });
  }
  return subjects;
}

/** The rows of inputs that are batches of equal size. */
function rowsOf(inputs) {
  const values = Object.entries(inputs);
  const count = Math.min(...values.map(([, { shape }]) => shape[0] ?? 0));
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
    const steps = isInteger(subject.mode) ? outputSteps(read(bytes), signature) : null;
    subject.judge = (pairs) => (steps === null ? floatError(pairs) : stepError(pairs, steps));
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

/** The error over rows and outputs, or what LiteRT.js says. */
async function litertError(page, { rowFile, rows, single, judge }) {
  const pairs = [];
  for (const [index, row] of rows.entries()) {
    const inputs = Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, pack(value)]),
    );
    try {
      const outputs = await page.evaluate(
        ([url, given]) => globalThis.peer.run(url, given),
        [`/data/${rowFile}`, inputs],
      );
      pairs.push(...paired(single[index], outputs.map(unpack)));
    } catch (error) {
      return String(error.message).split('\n')[0];
    }
  }
  return judge(pairs);
}

/** Runs all subjects in tf.lite.Interpreter; integer ones with each kind of its kernels. */
function runInterpreter(subjects, folder, python) {
  const runs = subjects.flatMap((subject) =>
    Object.entries(KERNELS)
      .filter(([kind]) => kind === 'xnnpack' || isInteger(subject.mode))
      .map(([kind, kernels]) => ({ subject, kind, kernels })),
  );
  const tasks = runs.map(({ subject: { file, signature, inputs }, kernels }) => ({
    file,
    signature,
    kernels,
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
  runs.forEach(({ subject, kind }, index) => {
    const answer = answers[index];
    subject[kind] =
      typeof answer === 'string'
        ? answer
        : subject.judge(
            paired(
              subject.whole,
              Object.fromEntries(
                Object.entries(answer).map(([name, value]) => [name, fromBase64(value)]),
              ),
            ),
          );
  });
}

/**
 * Our outputs beside a peer's: matched by name, or where the peer's have no names of the signature,
 * by position.
 */
function paired(ours, theirs) {
  return Object.entries(ours).map(([name, output], index) => ({
    name,
    output,
    other: Array.isArray(theirs) ? theirs[index] : theirs[name],
  }));
}

const base64 = (value) => {
  const { data, ...rest } = pack(value);
  return { ...rest, data: Buffer.from(data, 'latin1').toString('base64') };
};
const fromBase64 = ({ data, ...rest }) =>
  unpack({ ...rest, data: Buffer.from(data, 'base64').toString('latin1') });

function litertVersion() {
  return JSON.parse(readFileSync(here('node_modules/@litertjs/core/package.json'), 'utf8')).version;
}
