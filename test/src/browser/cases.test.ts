/** Every op case in Chromium, whose relaxed SIMD instructions Node has only behind a flag. */
import { after } from 'node:test';
import { buildCases } from '../cases/build.js';
import { testCases } from '../cases/suite.js';
import { Chromium } from './chromium.js';
import { pack, unpack } from './parcel.js';

let started: Promise<Chromium> | undefined;
after(async () => (await started)?.close());

testCases(
  {
    name: 'Chromium',
    ignore: {},
    async run({ bytes, inputs, runs }) {
      started ??= Chromium.start({ isolated: true });
      const chromium = await started;
      const url = chromium.addFile(bytes);
      const { outputs } = await chromium.call('run', {
        url,
        inputs: inputs.map(pack),
        signature: null,
        options: {},
        runs,
      });
      return Object.values(outputs).map((output) => unpack(output) as never);
    },
  },
  buildCases(),
);
