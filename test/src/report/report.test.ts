/** Reports as users make them: what they hold, that they stand alone, and what is refused. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { writeNpy } from '../../../converter/dist/data/npy.js';
import { columnChart } from '../../../converter/dist/report/charts.js';
import type { Report } from '../../../converter/dist/report/report.js';
import { digits, fixturePath } from '../support/fixtures.js';
import { linnet, temporaryFolder } from '../support/linnet.js';

const NET = fixturePath('mobilenet_v2/save');
const CALIBRATION = fixturePath('calibration.npz');
const COUNT = 40;

const folder = temporaryFolder();
const { path } = folder;
after(() => folder[Symbol.dispose]());

const [RESULT, HTML, JSON_FILE] = [path('r.tflite'), path('r.html'), path('r.json')];
const [IMAGES, LABELS, METRIC] = [path('images.npy'), path('labels.txt'), path('metric.mjs')];
let report: Report;

before(() => {
  const { images, labels } = digits();
  const data = (images.data as Float32Array).slice(0, 64 * COUNT);
  writeFileSync(IMAGES, writeNpy({ ...images, shape: [COUNT, 8, 8, 1], data }));
  writeFileSync(LABELS, labels.slice(0, COUNT).join('\n'));
  writeFileSync(
    METRIC,
    'export default { name: "<index>", higherIsBetter: true, score: (o, s, r, i) => i }',
  );
  const { status, messages } = linnet(
    ...['convert', NET, '-o', RESULT, '--quantize', 'int8', '--calibration-data', CALIBRATION],
    ...['--report', HTML, '--report', JSON_FILE, '--report-data', IMAGES],
    ...['--labels', LABELS, '--metric', METRIC],
  );
  assert.equal(status, 0, messages);
  report = JSON.parse(readFileSync(JSON_FILE, 'utf8'));
});

suite('a report of a conversion', () => {
  test('names what was read and written, with digests', () => {
    const bytes = readFileSync(RESULT);
    assert.deepEqual(report.result, {
      path: RESULT,
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
    assert.deepEqual(
      report.inputs.map(({ path }) => path),
      [NET, CALIBRATION, IMAGES],
    );
    const [, data] = report.inputs;
    const sum = createHash('sha256').update(readFileSync(CALIBRATION)).digest('hex');
    assert.equal(data?.sha256, sum);
    assert.match(report.command, /^linnet convert .*--quantize int8/);
  });

  test('scores both models by labels and by the metric given', () => {
    assert.equal(report.samples, COUNT);
    const [top, own] = report.metrics;
    assert.equal(top?.name, 'top-1');
    assert.ok((top?.expected as number) > 0.9 && (top?.actual as number) > 0.9);
    assert.deepEqual(
      [own?.name, own?.actual, own?.expected],
      ['<index>', (COUNT - 1) / 2, (COUNT - 1) / 2],
    );
    const page = readFileSync(HTML, 'utf8');
    assert.match(page, /top-1<\/span><b>[\d.]+\s%<\/b>[\d.]+ % before/);
    assert.match(page, /&lt;index&gt;<\/span><b>[\d.]+<\/b>[\d.]+ before/);
  });

  test('accounts for the constants of every layer', () => {
    const sum = (of: 'before' | 'after') =>
      report.layers.reduce((total, { constants }) => total + constants[of].bytes, 0);
    assert.ok(sum('before') > 3 * sum('after'), `${sum('before')} and ${sum('after')}`);
    assert.ok(sum('before') < report.reference.bytes && sum('after') < report.result.bytes);
    const convolutions = report.layers.filter(({ op }) => op === 'CONV_2D');
    assert.ok(convolutions.length > 5);
    for (const { constants, name } of convolutions) {
      assert.deepEqual([constants.before.dtype, constants.after.dtype], ['float32', 'int8'], name);
      assert.ok(constants.after.zeros < 0.2, `${name}: ${constants.after.zeros}`);
    }
  });

  test('compares every layer', () => {
    for (const { name, difference } of report.layers) {
      assert.ok(difference !== undefined, name);
      assert.ok(difference.sqnr > 10, `${name}: ${difference.sqnr} dB`);
      assert.equal(difference.dtypes[1], 'float32');
    }
  });

  test('measures both in turns', () => {
    const { before: float, after: integer, runs, threads } = report.latency;
    assert.ok(runs >= 10 && threads === 1);
    for (const { median, minimum } of [float, integer]) assert.ok(minimum > 0 && median >= minimum);
  });

  test('is a page that needs nothing else', () => {
    const page = readFileSync(HTML, 'utf8');
    assert.match(page, /^<!doctype html>/);
    assert.match(page, /<\/html>\n$/);
    assert.doesNotMatch(page, /<script|<link|<img|src=|url\(|https?:/);
    assert.ok(page.includes('&lt;index&gt;') && !page.includes('<index>'));
    assert.equal(page.match(/<svg/g)?.length, 2);
    for (const { name } of report.layers) assert.ok(page.includes(`<td>${name}</td>`), name);
  });
});

suite('a report of a conversion within a budget', () => {
  test('has the models that were measured and the recipe', () => {
    const [html, json] = [path('b.html'), path('b.json')];
    const { status, messages } = linnet(
      ...['convert', fixturePath('cnn/save'), '-o', path('b.tflite'), '--quantize', 'int8'],
      ...['--calibration-data', CALIBRATION, '--budget', 'size<=12KB'],
      ...['--report', html, '--report', json, '--report-samples', '4'],
    );
    assert.equal(status, 0, messages);
    const { precision } = JSON.parse(readFileSync(json, 'utf8')) as Report;
    const chosen = precision!.pareto.filter((point) => point.chosen);
    assert.equal(chosen.length, 1);
    const page = readFileSync(html, 'utf8');
    assert.match(page, /<h2>Precision<\/h2>/);
    assert.ok(page.includes(`<td class="n">${chosen[0]!.quality.sqnr.toFixed(2)}</td>`));
    for (const { precision: own } of precision!.recipe.rules) assert.ok(page.includes(own));
  });

  test('has neither where nothing was chosen for single nodes', () => {
    assert.equal(report.precision, null);
    assert.doesNotMatch(readFileSync(HTML, 'utf8'), /Precision/);
  });
});

suite('verify', () => {
  test('compares on data and reports', () => {
    const html = path('v.html');
    const { status, out, messages } = linnet(
      ...[
        'verify',
        RESULT,
        NET,
        '--data',
        IMAGES,
        '--tolerance',
        '0.5',
        '--report',
        html,
        '--json',
      ],
    );
    assert.equal(status, 0, messages);
    assert.equal(JSON.parse(out).runs, COUNT);
    assert.ok(statSync(html).size > 1000);
  });
});

suite('what cannot be reported', () => {
  const output = path('none.tflite');
  const html = path('none.html');
  const convert = ['convert', NET, '-o', output, '--report', html];
  const notLabels = path('words.txt');
  const few = path('few.txt');
  before(() => {
    writeFileSync(notLabels, 'cat dog');
    writeFileSync(few, '1 2 3');
  });
  const cases: readonly (readonly [
    what: string,
    args: readonly string[],
    status: number,
    RegExp,
  ])[] = [
    ['no data', convert, 2, /--report needs data/],
    [
      'another ending',
      [...convert, '--report', 'r.pdf', '--report-data', IMAGES],
      2,
      /\.html or \.json/,
    ],
    ['absent data', [...convert, '--report-data', path('no.npy')], 1, /there is no such file/],
    [
      'an absent metric',
      [...convert, '--report-data', IMAGES, '--metric', path('no.mjs')],
      1,
      /no such file/,
    ],
    [
      'labels of words',
      [...convert, '--report-data', IMAGES, '--labels', notLabels],
      1,
      /label 0 is no class/,
    ],
    [
      'too few labels',
      [...convert, '--report-data', IMAGES, '--labels', few],
      1,
      /there are 3 labels/,
    ],
    ['no samples', [...convert, '--report-data', IMAGES, '--report-samples', '0'], 2, /at least 1/],
  ];
  for (const [what, args, status, message] of cases) {
    test(`${what}: nothing is written`, () => {
      const result = linnet(...args);
      assert.equal(result.status, status, result.messages);
      assert.match(result.messages, message);
      assert.ok(!existsSync(output) && !existsSync(html));
    });
  }
});

test('a chart draws gaps, zeros, negative and equal values', () => {
  const chart = (values: readonly (number | null)[]) =>
    columnChart({
      title: 'a < b',
      unit: 'dB',
      series: [{ name: 's', color: 'red' }],
      columns: values.map((value, i) => ({ label: `${i}`, values: [value] })),
      format: String,
    });
  assert.equal(chart([1, null, -3]).match(/<rect x="[^"]+" y="[^"]+" width/g)?.length, 3);
  for (const values of [[], [0], [0, 0], [5], [-1], [1e-9, 1e9]]) {
    const svg = chart(values);
    assert.doesNotMatch(svg, /NaN|Infinity|height="-/);
    assert.ok(svg.includes('a &lt; b'));
  }
});
