/** The demo page as a visitor uses it: built, served, drawn on with the mouse. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright';
import { launchBrowser } from '../../browser/launch.mjs';
import { type Server, serve } from '../../browser/server.mjs';
import { temporaryFolder } from '../support/linnet.js';
import { ROOT } from '../support/paths.js';

/** Points of a stroke, in shares of the pad's width and height. */
type Stroke = readonly (readonly [x: number, y: number])[];

const ellipse = (x: number, y: number, radiusX: number, radiusY: number): Stroke =>
  Array.from({ length: 33 }, (_, i) => {
    const angle = (i / 16) * Math.PI - Math.PI / 2;
    return [x + radiusX * Math.cos(angle), y + radiusY * Math.sin(angle)];
  });

/** Digits as people write them. */
const DRAWINGS: Readonly<Record<string, readonly Stroke[]>> = {
  0: [ellipse(0.5, 0.5, 0.2, 0.32)],
  1: [
    [
      [0.4, 0.3],
      [0.52, 0.18],
      [0.52, 0.82],
    ],
  ],
  4: [
    [
      [0.5, 0.15],
      [0.28, 0.58],
      [0.75, 0.58],
    ],
    [
      [0.58, 0.4],
      [0.58, 0.88],
    ],
  ],
  7: [
    [
      [0.28, 0.2],
      [0.72, 0.2],
      [0.45, 0.85],
    ],
  ],
};

const folder = temporaryFolder();
const site = folder.path('site');
let browser: Browser;

before(async () => {
  const arguments_ = ['run', 'build', '-w', 'demo', '--', '--outDir', site, '--emptyOutDir'];
  const { status, stderr } = spawnSync('npm', arguments_, { cwd: ROOT, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  folder[Symbol.dispose]();
});

for (const isolated of [false, true]) {
  suite(isolated ? 'the demo, cross-origin isolated' : 'the demo', () => {
    let server: Server;
    let page: Page;
    const errors: string[] = [];

    before(async () => {
      server = await serve({ '/': site }, { isolated });
      page = await browser.newPage();
      page.on('pageerror', ({ message }) => errors.push(message));
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) errors.push(message.text());
      });
      await page.goto(`${server.origin}/index.html?threads=2`);
      await page.waitForSelector('body[data-state=ready]');
    });
    after(async () => {
      await page?.close();
      await server?.close();
    });

    for (const [digit, strokes] of Object.entries(DRAWINGS)) {
      test(`reads a ${digit}`, async () => {
        await page.click('#clear');
        for (const stroke of strokes) await draw(page, stroke);
        await page.waitForFunction(
          (wanted) => document.querySelector('#digit')?.textContent === wanted,
          digit,
        );
        const shares = await page.$$eval('#bars meter', (meters) =>
          meters.map((meter) => (meter as HTMLMeterElement).value),
        );
        assert.equal(shares.indexOf(Math.max(...shares)), Number(digit));
        assert.ok(Math.abs(shares.reduce((sum, share) => sum + share) - 1) < 0.01, `${shares}`);
      });
    }

    test('tells latency and backend', async () => {
      const status = (await page.textContent('#status')) ?? '';
      assert.match(status, /^\d+\.\d\d ms on wasm \((simd|relaxed)(-threads)?\), \d threads?$/);
      assert.equal(status.includes('-threads)'), isolated && /[2-9] threads/.test(status));
    });

    test('clears the pad and the answer', async () => {
      await page.click('#clear');
      assert.equal(await page.textContent('#digit'), '–');
    });

    test('no error went unseen', () => assert.deepEqual(errors, []));
  });
}

async function draw(page: Page, stroke: Stroke): Promise<void> {
  const box = await page.locator('#pad').boundingBox();
  assert.ok(box);
  const at = ([x, y]: readonly [number, number]): [number, number] => [
    box.x + x * box.width,
    box.y + y * box.height,
  ];
  const [first, ...rest] = stroke;
  await page.mouse.move(...at(first as [number, number]));
  await page.mouse.down();
  for (const point of rest) await page.mouse.move(...at(point), { steps: 4 });
  await page.mouse.up();
}
