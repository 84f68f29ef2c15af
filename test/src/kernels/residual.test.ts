/**
 * Convolutions that add another tensor before their activation, on every build, alone and on three
 * threads: to the bit what the sum and the addition apart give.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { BUILDS, type Build } from '@linnet/runtime-wasm';
import { ActivationFunctionType as Activation, elementCount, type OpName } from '@linnet/schema';
import { type KernelHost, openKernels, whyNotRunnable } from './harness.js';
import { type LoweredSite, runLowered } from './lowered.js';
import { Random } from './random.js';
import { randomSite } from './sites.js';

const SEED = 41;
const SITES_PER_TEST = 25;
const SPARSITY = 0.97;

/** The bounds of the activations that random sites have. */
const BOUNDS: { readonly [A in Activation]?: readonly [low: number, high: number] } = {
  [Activation.NONE]: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  [Activation.RELU]: [0, Number.POSITIVE_INFINITY],
  [Activation.RELU6]: [0, 6],
  [Activation.RELU_N1_TO_1]: [-1, 1],
};

/** The site with a tensor of random numbers as residual. */
function withResidual(site: LoweredSite<'CONV_2D'>, random: Random): LoweredSite<'CONV_2D'> {
  const { inputs, output } = site;
  const length = elementCount(output.shape) as number;
  const elements = Float32Array.from({ length }, () => 8 * random.next() - 4);
  const residual = { type: output, elements, isConstant: false };
  return { ...site, inputs: [...inputs, residual], fused: { residual: true } };
}

function expectation(site: LoweredSite<'CONV_2D'>, host: KernelHost): Float32Array {
  const { options, inputs } = site;
  const [low, high] = BOUNDS[options.fusedActivationFunction] as readonly [number, number];
  const plain = { ...options, fusedActivationFunction: Activation.NONE };
  const apart = { ...site, options: plain, inputs: inputs.slice(0, 3), fused: {} };
  const sums = runLowered(host, apart) as Float32Array;
  const residual = inputs[3]?.elements as Float32Array;
  return sums.map((sum, i) => Math.min(Math.max(Math.fround(sum + residual[i]!), low), high));
}

/** Sets blocks of `block` columns of the weights to zero. */
function thinned(
  site: LoweredSite<'CONV_2D'>,
  block: number,
  random: Random,
): LoweredSite<'CONV_2D'> {
  const [input, weights, ...others] = site.inputs;
  const [columns, , , depth] = weights!.type.shape as [number, number, number, number];
  const elements = (weights!.elements as Float32Array).slice();
  for (let column = 0; column < columns; column += block) {
    for (let k = 0; k < depth; k++) {
      if (random.next() >= SPARSITY) continue;
      for (let c = column; c < Math.min(column + block, columns); c++) elements[c * depth + k] = 0;
    }
  }
  return { ...site, inputs: [input!, { ...weights!, elements }, ...others] };
}

for (const build of Object.keys(BUILDS) as Build[]) {
  const reason = await whyNotRunnable(build);
  describe(`residuals on ${build}, seed ${SEED}`, { skip: reason ?? false }, () => {
    const hosts: KernelHost[] = [];
    before(async () => {
      hosts.push(await openKernels(build));
      if (BUILDS[build].shared) hosts.push(await openKernels(build, 3));
    });
    after(() => Promise.all(hosts.map((host) => host.close())));

    function check(site: LoweredSite<'CONV_2D'>): void {
      const expected = expectation(site, hosts[0]!);
      const shapes = JSON.stringify([site.inputs.map((input) => input?.type.shape), site.options]);
      for (const host of hosts) assert.deepEqual(runLowered(host, site), expected, shapes);
    }

    for (const name of ['CONV_2D', 'CONV_2D 3x3', 'CONV_2D 1x1']) {
      it(name, () => {
        const random = new Random(SEED);
        for (let i = 0; i < SITES_PER_TEST; i++) check(withResidual(conv(name, random), random));
      });
    }

    for (const block of [1, 4]) {
      it(`sparse ${block}x1`, () => {
        const random = new Random(SEED);
        for (let i = 0; i < SITES_PER_TEST; i++) {
          const site = thinned(conv('CONV_2D 1x1', random), block, random);
          check(withResidual(site, random));
        }
      });
    }

    it('have no kernels for integers', () => {
      const random = new Random(SEED);
      for (const arithmetic of ['int8', 'hybrid'] as const) {
        const site = randomSite('CONV_2D', arithmetic, random) as LoweredSite<OpName>;
        const made = withResidual(site as LoweredSite<'CONV_2D'>, random);
        assert.equal(runLowered(hosts[0]!, made), undefined);
      }
    });
  });
}

function conv(name: string, random: Random): LoweredSite<'CONV_2D'> {
  return randomSite(name, 'float32', random) as LoweredSite<OpName> as LoweredSite<'CONV_2D'>;
}
