/** The runtime in a page of Chromium as a backend of op cases. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { LinnetError, type LoadOptions } from '@linnet/runtime-web';
import type { Backend } from '../cases/backend.js';
import { Chromium, type PageOptions } from './chromium.js';
import { pack, unpack } from './parcel.js';

/** Runs cases with some options in a page that is opened for the first of them, and prepared. */
export function pageBackend(
  name: string,
  page: PageOptions,
  options: LoadOptions,
  ignore: Backend['ignore'] = {},
  prepare: (chromium: Chromium) => Promise<void> = async () => {},
): Backend {
  let started: Promise<Chromium> | undefined;
  after(async () => (await started)?.close());
  return {
    name,
    ignore,
    async run({ bytes, inputs, runs }) {
      started ??= Chromium.start(page).then(async (opened) => {
        await prepare(opened);
        return opened;
      });
      const chromium = await started;
      const url = chromium.addFile(bytes);
      const answer = await chromium.call('attempt', {
        url,
        inputs: inputs.map(pack),
        signature: null,
        options,
        runs,
      });
      if ('code' in answer) throw new LinnetError(answer.code, answer.message, answer.where);
      const { outputs, info } = answer;
      // Shaders that do not compile or compute something else would hide behind WASM's right answers.
      assert.equal(info.fallback, null);
      return Object.values(outputs).map((output) => unpack(output) as never);
    },
  };
}
