/** What layers meet in a program and in what it was made from, seen from where the samples wait. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { toModel } from '../../../converter/dist/emit/index.js';
import { openModel } from '../../../converter/dist/formats/index.js';
import { findLayers } from '../../../converter/dist/prune/layers.js';
import { observeLayers } from '../../../converter/dist/prune/statistics.js';
import { TwinWalk } from '../../../converter/dist/prune/twin.js';
import { fixturePath } from '../support/fixtures.js';
import { FIXTURES } from '../support/paths.js';

const calibration = { data: `${FIXTURES}/calibration.npz` };

suite('twin walk', () => {
  for (const net of ['mobilenet_v2/save', 'row_lstm/save', 'attention/save']) {
    test(`${net}: what has not changed is seen as by a run from the inputs on`, async () => {
      const { program } = await openModel(fixturePath(net), {});
      const layers = findLayers(program);
      const { statistics } = await observeLayers(program, layers, calibration, { gram: true });
      const original = toModel(program);
      const seen = 'but those held back';
      const walk = new TwinWalk(program, original, calibration, seen, undefined);
      for (const [index, layer] of layers.entries()) {
        const twin = await walk.observe(layer, layers.slice(index + 1));
        const { rows, gram } = statistics.get(layer)!;
        assert.equal(twin.rows, rows, layer.name);
        const scale = gram!.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        for (const [at, value] of gram!.entries()) {
          for (const moments of [twin.xx, twin.xy, twin.yy]) {
            assert.ok(Math.abs(moments[at]! - value) <= 1e-5 * scale, `${layer.name} ${at}`);
          }
        }
        assert.ok(twin.skip?.meanD.every((value) => Math.abs(value) < 1e-5) ?? true, layer.name);
      }
    });
  }
});
