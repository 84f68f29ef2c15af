import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { BUILDS, type Build, wasmUrl } from '@linnet/runtime-wasm/build';
import { whyNotRunnable } from './harness.js';

/** f32x4.relaxed_madd, which no code of the plain builds may contain. */
const RELAXED_MADD = Buffer.from([0xfd, 0x85, 0x02]);

describe('builds of the kernels', () => {
  for (const build of Object.keys(BUILDS) as Build[]) {
    const { relaxed, shared } = BUILDS[build];

    it(`${build} uses relaxed SIMD exactly where it says so`, async () => {
      assert.equal((await readFile(wasmUrl(build))).includes(RELAXED_MADD), relaxed);
    });

    it(`${build} imports memory and exports its entry points`, async (test) => {
      const reason = await whyNotRunnable(build);
      if (reason !== undefined) return test.skip(reason);
      const module = await WebAssembly.compile(await readFile(wasmUrl(build)));
      assert.deepEqual(WebAssembly.Module.imports(module), [
        { module: 'env', name: 'memory', kind: 'memory' },
        { module: 'env', name: 'clock', kind: 'function' },
      ]);
      assert.deepEqual(
        WebAssembly.Module.exports(module)
          .map(({ name }) => name)
          .sort(),
        ['__heap_base', '__stack_pointer', 'run', ...(shared ? ['work'] : [])],
      );
      const memory = { initial: 64, maximum: 65536, shared };
      const env = {
        memory: new WebAssembly.Memory(memory as WebAssembly.MemoryDescriptor),
        clock: () => performance.now(),
      };
      await assert.doesNotReject(WebAssembly.instantiate(module, { env }));
    });

    it(`${build} holds code and data only`, async (test) => {
      const reason = await whyNotRunnable(build);
      if (reason !== undefined) return test.skip(reason);
      const module = await WebAssembly.compile(await readFile(wasmUrl(build)));
      for (const section of ['name', 'producers', 'target_features']) {
        assert.equal(WebAssembly.Module.customSections(module, section).length, 0, section);
      }
    });
  }
});
