// A Node program's use of converter and runtime, without the DOM's types.
import { readFile, writeFile } from 'node:fs/promises';
import { loadModel } from 'linnet';
import {
  type Conversion,
  type ConvertReport,
  convert,
  filesSource,
  LinnetError,
  type OptimizeMode,
} from 'linnet/convert';

const mode: OptimizeMode = 'default';
const conversion: Conversion = await convert('model', {
  optimize: mode,
  signatures: ['serving_default'],
  inputShapes: { image: [1, 224, 224, 3] },
  signal: AbortSignal.timeout(1000),
  onProgress: ({ stage, done, total }) => console.log(stage.toUpperCase(), done / total),
});
const report: ConvertReport = conversion.report;
console.log(report.bytes, report.after.ops.CONV_2D ?? 0, report.notes.join());
await writeFile('model.tflite', conversion.bytes);

await convert(await readFile('model.tflite'));
await convert(filesSource('model', { 'saved_model.pb': new Uint8Array() }));

const model = await loadModel('model.tflite', { threads: 4 });
const outputs = await model.run([new Float32Array(3)]);
console.log(Object.keys(outputs));
model.dispose();

const error: unknown = new LinnetError('INVALID_ARGUMENT', 'no');
console.log(error instanceof LinnetError && error.code === 'INVALID_ARGUMENT');

// @ts-expect-error there is no such mode
await convert('model', { optimize: 'most' });
// @ts-expect-error shapes are numbers
await convert('model', { inputShapes: { image: '1,224,224,3' } });
// @ts-expect-error a report does not change
report.bytes = 0;
// @ts-expect-error there is no such code
if (error instanceof LinnetError && error.code === 'OOPS') console.log();
