import { formatBytes } from '../units.js';
import { columnChart } from './charts.js';
import { escapeHtml } from './escape.js';
import { precisionSection } from './precision.js';
import type { LayerReport, Report } from './report.js';
import type { LayerConstants } from './sizes.js';
import { type Column, htmlTable } from './table.js';

const BEFORE = '#9aa5b1';
const AFTER = '#2f7d5b';

/** Past this an error is below the rounding of float32 and says nothing of what was changed. */
const EXACT_DB = 140;

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --dim: light-dark(#666, #a0a0a0); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1040px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem }
.lead, th, dt { color: var(--dim) }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(230px, 1fr)); gap: 1rem; margin: 1.5rem 0 }
.card { border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem }
.card b { display: block; font-size: 1.35rem; font-weight: 600 }
svg { width: 100%; min-width: 620px; height: auto; margin: .5rem 0 1rem } svg text { font: 11px system-ui, sans-serif; fill: currentColor }
svg .title { font-size: 13px; font-weight: 600 } .grid { stroke: var(--line) }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: 13px }
td, th { padding: .25rem .45rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap }
.n { text-align: right; font-variant-numeric: tabular-nums }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem } dd { margin: 0; overflow-wrap: anywhere }
code, pre { font-size: 13px } pre { overflow-x: auto }
`;

/** A report as one HTML page that needs no other file and no network. */
export function reportHtml(report: Report): string {
  const { result, reference, layers } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(result.path)} – Linnet report</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(result.path)}</h1>
<p class="lead">compared with ${escapeHtml(reference.name)} on ${report.samples} samples</p>
<div class="cards">
${cards(report).map(card).join('\n')}
</div>
${report.choices.length === 0 ? '' : `<h2>Choices</h2>\n<ul>${report.choices.map((choice) => `<li>${escapeHtml(choice)}</li>`).join('')}</ul>`}
<h2>Layers</h2>
<div class="scroll">${errorChart(layers)}</div>
<div class="scroll">${sizeChart(layers)}</div>
<div class="scroll">${htmlTable(LAYER_COLUMNS, layers)}</div>
${report.precision ? precisionSection(report.precision) : ''}
<h2>How this was made</h2>
${provenance(report)}
</body>
</html>
`;
}

type Card = readonly [label: string, value: string, note: string];

function cards({ result, reference, metrics, latency }: Report): readonly Card[] {
  const { before, after, threads, runs } = latency;
  return [
    [
      'size',
      `${formatBytes(reference.bytes)} → ${formatBytes(result.bytes)}`,
      `${percent(result.bytes / reference.bytes)} of the original`,
    ],
    ...metrics.map(
      ({ name, actual, expected, higherIsBetter, isShare }): Card => [
        name,
        formatScore(actual, isShare),
        `${formatScore(expected, isShare)} before; ${higherIsBetter ? 'more' : 'less'} is better`,
      ],
    ),
    [
      'latency, median',
      `${milliseconds(before.median)} → ${milliseconds(after.median)}`,
      `minima ${milliseconds(before.minimum)} and ${milliseconds(after.minimum)}, ` +
        `${runs} runs each in turns, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    ],
  ];
}

function card([label, value, note]: Card): string {
  return `<div class="card"><span class="lead">${escapeHtml(label)}</span><b>${escapeHtml(unbroken(value))}</b>${escapeHtml(note)}</div>`;
}

/** Numbers with their units on one line; a line may end at the arrow between two. */
function unbroken(text: string): string {
  return text.replace(/(\d) (?=\w)/g, '$1\u00a0');
}

function errorChart(layers: readonly LayerReport[]): string {
  return columnChart({
    title: 'Signal to noise of each result',
    unit: `dB, cut off at ${EXACT_DB}`,
    series: [{ name: 'SQNR', color: AFTER }],
    columns: layers.map(({ name, op, difference }) => ({
      label: `${op} ${name}`,
      values: [difference === undefined ? null : Math.min(difference.sqnr, EXACT_DB)],
    })),
    format: (value) => value.toFixed(0),
  });
}

function sizeChart(layers: readonly LayerReport[]): string {
  return columnChart({
    title: 'Constants of each layer',
    unit: 'bytes',
    series: [
      { name: 'before', color: BEFORE },
      { name: 'after', color: AFTER },
    ],
    columns: layers
      .filter(({ constants: { before, after } }) => before.bytes + after.bytes > 0)
      .map(({ name, op, constants: { before, after } }) => ({
        label: `${op} ${name}`,
        values: [before.bytes, after.bytes],
      })),
    format: formatBytes,
  });
}

const LAYER_COLUMNS: readonly Column<LayerReport>[] = [
  { head: 'layer', text: ({ name }) => name },
  { head: 'op', text: ({ op }) => op },
  { head: 'result', text: ({ difference }) => difference?.dtypes[0] ?? 'not in the result' },
  { head: 'weights', text: ({ constants: { after } }) => after.dtype ?? '' },
  {
    head: 'before',
    isNumber: true,
    text: ({ constants: { before } }) => bytesOf(before),
  },
  { head: 'after', isNumber: true, text: ({ constants: { after } }) => bytesOf(after) },
  { head: 'zeros', isNumber: true, text: ({ constants: { after } }) => zerosOf(after) },
  {
    head: 'SQNR dB',
    isNumber: true,
    text: ({ difference }) => (difference === undefined ? '' : decibels(difference.sqnr)),
  },
  { head: 'cosine', isNumber: true, text: ({ difference }) => difference?.cosine.toFixed(5) ?? '' },
  {
    head: 'max error',
    isNumber: true,
    text: ({ difference }) => difference?.maxAbsoluteError.toPrecision(3) ?? '',
  },
];

function provenance({ command, version, inputs, result, latency }: Report): string {
  const entries: readonly (readonly [string, string])[] = [
    ['command', command],
    ['Linnet', version],
    ['measured on', latency.machine],
    ...inputs.map(({ path, sha256, files }): [string, string] => [
      path,
      `sha256 ${sha256}${files === 1 ? '' : ` over ${files} files`}`,
    ]),
    [result.path, `sha256 ${result.sha256}`],
  ];
  const lines = entries.map(
    ([term, text]) => `<dt>${escapeHtml(term)}</dt><dd><code>${escapeHtml(text)}</code></dd>`,
  );
  return `<dl>${lines.join('\n')}</dl>`;
}

function formatScore(score: number | undefined, isShare: boolean): string {
  if (score === undefined) return '–';
  if (isShare) return percent(score);
  return Number.isInteger(score) || Math.abs(score) >= 0.01
    ? String(Number(score.toFixed(4)))
    : score.toExponential(2);
}

function bytesOf({ bytes }: LayerConstants): string {
  return bytes === 0 ? '' : formatBytes(bytes);
}

function zerosOf({ dtype, zeros }: LayerConstants): string {
  return dtype === undefined ? '' : percent(zeros);
}

function decibels(value: number): string {
  return Number.isFinite(value) ? value.toFixed(1) : 'exact';
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function milliseconds(ms: number): string {
  return `${ms.toPrecision(3)} ms`;
}
