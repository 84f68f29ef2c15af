// The text of docs/agreement.md.

const float = (value) => (typeof value === 'number' ? value.toExponential(1) : (value ?? '–'));

const steps = (value) => {
  if (typeof value !== 'object') return value ?? '–';
  const { count, within, largest } = value;
  if (count === 0) return 'no integer output';
  return `${percent(within / count)}, ${largest}`;
};

const percent = (share) => `${(100 * share).toFixed(share === 1 ? 0 : 2)} %`;

const table = (rows) => rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');

function worst(subjects, key, mode) {
  const values = subjects
    .filter((subject) => subject.mode === mode)
    .map(({ [key]: value }) => value);
  return float(Math.max(...values.filter((value) => typeof value === 'number')));
}

/** All outputs of a mode together. */
function total(subjects, key, mode) {
  const values = subjects
    .filter((subject) => subject.mode === mode)
    .map(({ [key]: value }) => value)
    .filter((value) => typeof value === 'object');
  const sum = (field) => values.reduce((all, value) => all + value[field], 0);
  const largest = Math.max(0, ...values.map((value) => value.largest));
  return steps({ count: sum('count'), within: sum('within'), largest });
}

/**
 * @param floats subjects judged by relative errors, @param integers those judged in steps
 * @param facts rows of LiteRT.js's runs, its version, whether tf.lite.Interpreter ran
 */
export function page(floats, integers, { rows, litert, withPython }) {
  const totals = ['int8', 'int16x8'].map((mode) => [
    '**all**',
    mode,
    ...['litert', 'xnnpack', 'builtin', 'reference'].map((key) => total(integers, key, mode)),
  ]);
  return `# Agreement with other TFLite runtimes

Files that Linnet wrote, and two published ones, in Linnet's runtime and in others. LiteRT.js
(@litertjs/core ${litert}) runs in Chromium, on the first ${rows} rows of each recorded case and files
converted for one row, since it takes no open dimensions. tf.lite.Interpreter runs whole cases${withPython ? '' : ' (left out: no --python was given)'}.

Written by \`node test/peers/run.mjs agreement${withPython ? ' --python PATH' : ''}\`.

## Integers

The share of outputs within one step of the integers that they are made from, and the largest
difference in steps. Files are calibrated on the recorded inputs. XNNPACK is what tf.lite.Interpreter
takes where it can, and all that LiteRT.js has; \`builtin\` and \`reference\` are TFLite's own kernels, which
round 8-bit sums twice in fixed point where XNNPACK and Linnet round once in float32. One step within a
network may become several where its last layers are steep.

${table([
  ['Model', '--quantize', 'LiteRT.js', 'tf.lite with XNNPACK', 'builtin', 'reference'],
  Array(6).fill('---'),
  ...totals,
  ...integers.map((subject) => [
    subject.name,
    subject.mode,
    ...['litert', 'xnnpack', 'builtin', 'reference'].map((key) => steps(subject[key])),
  ]),
])}

## Floats

The largest difference of a float output, relative to the largest magnitude in it. The runtimes sum
float32 products in different orders; where an activation lies between two steps of
\`--optimize default\`, that decides to which one it is rounded.

The worst in LiteRT.js: ${worst(floats, 'litert', 'none')} for float32, ${worst(floats, 'litert', 'default')} for \`--optimize default\`.
${withPython ? `The worst in tf.lite.Interpreter: ${worst(floats, 'xnnpack', 'none')} and ${worst(floats, 'xnnpack', 'default')}.\n` : ''}
${table([
  ['Model', '--optimize', 'LiteRT.js', 'tf.lite.Interpreter'],
  Array(4).fill('---'),
  ...floats.map(({ name, mode, litert, xnnpack }) => [name, mode, float(litert), float(xnnpack)]),
])}
`;
}
