/** Single layers in Linnet and LiteRT.js, by turns, on one thread. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { wave } from '../race/contest.mjs';
import { openLane } from '../race/lane.mjs';
import { layers } from './layers.mjs';

const RUNTIMES = ['linnet', 'litert'];

/** Of each layer, twice. */
const TURN_MS = 120;
const TURNS = 2;

/**
 * @param {{origin: string, folder: string}} stadium
 * @returns {Promise<{title: string, multiplyAdds: number, peakGigaflops: number,
 *   milliseconds: Record<string, number>}[]>}
 */
export async function measureLayers(stadium) {
  const lanes = [];
  const results = [];
  try {
    for (const runtime of RUNTIMES) lanes.push([runtime, await openLane(runtime, stadium)]);
    for (const { title, inputShape, multiplyAdds, tflite } of layers()) {
      writeFileSync(join(stadium.folder, 'model.tflite'), tflite());
      const input = wave(inputShape, 'float32');
      writeFileSync(join(stadium.folder, 'input.bin'), new Uint8Array(input.buffer));
      for (const [, lane] of lanes) {
        await lane.load('model.tflite', { threads: 1, inputShape, dtype: 'float32' });
        await lane.setInput('input.bin');
      }
      const milliseconds = {};
      let peakGigaflops = 0;
      for (let turn = 0; turn < TURNS; turn++) {
        for (const [runtime, lane] of lanes) {
          const time = await lane.kernelTime(TURN_MS);
          milliseconds[runtime] = Math.min(
            milliseconds[runtime] ?? Number.POSITIVE_INFINITY,
            time.milliseconds,
          );
          peakGigaflops = Math.max(peakGigaflops, time.peakGigaflops?.float32 ?? 0);
        }
      }
      const rates = RUNTIMES.map((runtime) =>
        (multiplyAdds / milliseconds[runtime] / 1e6).toFixed(1),
      );
      console.log(`${title.padEnd(56)} ${rates.join(' to ')} GMAC/s`);
      results.push({ title, multiplyAdds, peakGigaflops, milliseconds });
    }
  } finally {
    for (const [, lane] of lanes) await lane.close();
  }
  return results;
}
