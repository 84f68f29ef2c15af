/** Runs every model of others and writes what became of it: test/conformance and docs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/paths.js';
import { modelFiles, OUTCOMES_FILE, type Outcome, outcomeOf } from './outcomes.js';

const TABLE_FILE = join(ROOT, 'docs/conformance.md');

const outcomes: Outcome[] = [];
for (const file of modelFiles()) outcomes.push(await outcomeOf(file));
writeFileSync(OUTCOMES_FILE, `${JSON.stringify(outcomes, null, 2)}\n`);
writeFileSync(TABLE_FILE, page(outcomes));

function page(rows: readonly Outcome[]): string {
  const running = rows.filter(({ outcome }) => outcome === 'runs').length;
  return `# Models of others

${rows.length} .tflite files that LiteRT, ai-edge-quantizer and Coral publish as test data: ${running} run on WASM and agree with the
reference kernels on seeded inputs (float32 within 1e-5 of the largest output, quantized within one step), and
${rows.length - running} are refused with a typed error. None crashes or hangs. A test holds every row to this table.

Written by \`npm run docs:conformance -w test\`.

| Model | Outcome | Why |
| --- | --- | --- |
${rows.map(row).join('\n')}
`;
}

function row(outcome: Outcome): string {
  const name = outcome.file.split('/').at(-1);
  if (outcome.outcome === 'runs') return `| ${name} | runs | |`;
  return `| ${name} | ${outcome.code} | ${outcome.reason.replaceAll('|', '\\|')} |`;
}
