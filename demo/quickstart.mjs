// The first thing to try: converts a SavedModel with the command line, as float32 and with
// --optimize default, and runs both on real handwritten digits.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readNpz } from '@linnet/converter';
import { loadModel } from '@linnet/runtime-web';

const root = fileURLToPath(new URL('..', import.meta.url));
const savedModel = 'test/fixtures/cnn/export';
const outputFolder = 'demo/build';
const WARM_UP_RUNS = 50;

/** Runs a linnet command as a user would, showing it first. */
function linnet(...args) {
  console.log(`\n$ npx linnet ${args.join(' ')}`);
  const { status } = spawnSync(process.execPath, ['bin.js', ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}

function folderSize(path) {
  return readdirSync(path, { recursive: true })
    .map((name) => statSync(join(path, name)))
    .reduce((sum, stats) => sum + (stats.isFile() ? stats.size : 0), 0);
}

const arrays = readNpz(readFileSync(join(root, 'test/fixtures/digits.npz')), 'digits.npz');
const images = arrays.find(({ name }) => name === 'x_test');
const labels = arrays.find(({ name }) => name === 'y_test').data;
const pixels = images.data.length / labels.length;

/** Share of the test digits that a model reads right, and the median time for one, in ms. */
async function evaluate(file) {
  const model = await loadModel(file);
  const times = [];
  let correct = 0;
  for (let i = -WARM_UP_RUNS; i < labels.length; i++) {
    const digit = Math.max(i, 0);
    const image = images.data.slice(digit * pixels, (digit + 1) * pixels);
    const started = performance.now();
    const [{ data }] = Object.values(await model.run([image]));
    if (i < 0) continue;
    times.push(performance.now() - started);
    if (data.indexOf(Math.max(...data)) === Number(labels[digit])) correct++;
  }
  const { backend, build, threads } = model.info;
  model.dispose();
  times.sort((a, b) => a - b);
  return {
    accuracy: correct / labels.length,
    milliseconds: times[times.length >> 1],
    where: `${backend} (${build}), ${threads} thread`,
  };
}

const rows = [];
for (const optimize of ['none', 'default']) {
  const file = `${outputFolder}/digits-${optimize}.tflite`;
  linnet('convert', savedModel, '--optimize', optimize, '-o', file);
  rows.push({
    optimize,
    size: statSync(join(root, file)).size,
    ...(await evaluate(join(root, file))),
  });
}

console.log(
  `\n${savedModel} is ${folderSize(join(root, savedModel))} bytes. On ${labels.length} test digits:\n`,
);
for (const { optimize, size, accuracy, milliseconds, where } of rows) {
  console.log(
    `  --optimize ${optimize.padEnd(8)} ${String(size).padStart(6)} bytes` +
      `   ${(100 * accuracy).toFixed(1)} % right   ${milliseconds.toFixed(3)} ms a digit on ${where}`,
  );
}
