/**
 * Convolutions, matrix products and pools on every build, alone and on three threads, against the
 * reference. Integer results are exact; so are hybrid ones but for float32's rounding.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { BUILDS, type Build } from '@linnet/runtime-wasm/build';
import { formatType, type OpName, type TypedArray } from '@linnet/schema';
import { evaluate } from '../../../converter/dist/reference/index.js';
import { type ByteDot, probeByteDot } from '../../../runtime-web/dist/wasm/dot.js';
import { type KernelHost, openKernels, whyNotRunnable } from './harness.js';
import { type LoweredSite, runLowered } from './lowered.js';
import { Random } from './random.js';
import { ARITHMETICS, randomSite, SITES } from './sites.js';

const SITES_PER_TEST = 25;
const SEED = 20;

/** Forms that have no kernel: planning expands their operands to float32. */
const VIA_FLOAT32: ReadonlySet<string> = new Set([
  'TRANSPOSE_CONV hybrid',
  'CONV_3D hybrid',
  'BATCH_MATMUL hybrid',
  'L2_POOL_2D int8',
  'L2_POOL_2D uint8',
]);

/** Shapes that make a difference to float32 kernels alone. */
const ON_FLOAT32: ReadonlySet<string> = new Set(['CONV_2D 3x3']);

/** The dot products of bytes that a build has here; those without relaxed SIMD do without the machine's. */
function dotsOf(build: Build): ReadonlySet<ByteDot> {
  return new Set(['none', BUILDS[build].relaxed ? probeByteDot() : 'signed']);
}

function describeSite({ inputs, output, options }: LoweredSite<OpName>): string {
  const types = inputs.map((input) => (input ? formatType(input.type) : 'none'));
  return `${types.join(', ')} -> ${formatType(output)} ${JSON.stringify(options)}`;
}

/** How far float32 sums of products of numbers up to 1 may be off; minimal filtering may double it. */
function roundingBound({ op, inputs, output }: LoweredSite<OpName>): number {
  if (output.dtype !== 'float32') return op.endsWith('POOL_2D') ? 1 : 0;
  const weights = inputs[1]?.elements.length ?? 0;
  const terms = weights / output.shape.at(-1)!;
  return 1e-6 + terms * (op === 'CONV_2D' ? 2 ** -23 : 2 ** -24);
}

function check(actual: TypedArray, site: LoweredSite<OpName>): void {
  const { op, options, inputs, output } = site;
  const values = inputs.map((input) => input && { ...input.type, elements: input.elements });
  const [expected] = evaluate(op, options, values, [output]);
  const meant = expected!.elements as TypedArray as Float32Array;
  const got = actual as Float32Array;
  assert.equal(got.length, meant.length);
  const bound = roundingBound(site);
  for (let i = 0; i < got.length; i++) {
    if (!(Math.abs(got[i]! - meant[i]!) <= bound)) {
      assert.fail(`element ${i} is ${got[i]}, not ${meant[i]}, in ${describeSite(site)}`);
    }
  }
}

for (const build of Object.keys(BUILDS) as Build[]) {
  const reason = await whyNotRunnable(build);
  describe(`products on ${build}`, { skip: reason ?? false }, () => {
    const hosts: KernelHost[] = [];
    before(async () => {
      hosts.push(await openKernels(build));
      if (BUILDS[build].shared) hosts.push(await openKernels(build, 3));
    });
    after(() => Promise.all(hosts.map((host) => host.close())));

    for (const op of Object.keys(SITES)) {
      for (const arithmetic of ARITHMETICS) {
        if (op.endsWith('POOL_2D') && arithmetic === 'hybrid') continue;
        if (ON_FLOAT32.has(op) && arithmetic !== 'float32') continue;
        it(`${op} ${arithmetic}`, () => {
          const random = new Random(SEED);
          for (let i = 0; i < SITES_PER_TEST; i++) {
            const site = randomSite(op, arithmetic, random);
            const [alone, ...others] = hosts.flatMap((host) =>
              [...dotsOf(build)].map((dot) => runLowered(host, site, dot)),
            );
            if (VIA_FLOAT32.has(`${op} ${arithmetic}`)) {
              assert.equal(alone, undefined, describeSite(site));
              continue;
            }
            assert.ok(alone, `not supported: ${describeSite(site)}`);
            check(alone, site);
            for (const other of others) assert.deepEqual(other, alone, describeSite(site));
          }
        });
      }
    }
  });
}
