/** Running sums. */
import { inputOf, integersOf, outputOf } from '../../lower/operands.js';
import { axisOf } from '../../lower/reduction.js';
import type { Lowering } from '../lowering.js';
import { reads, u32, writes } from '../wgsl/kernel.js';
import { elementOf, type StoredDType } from '../wgsl/storage.js';

/** An invocation has a line of the axis. */
export const cumsum: Lowering<'CUMSUM'> = {
  supports(site) {
    const [x, y] = [inputOf(site, 0).type, outputOf(site).type];
    const isKnown = x.dtype === 'float32' || x.dtype === 'int32';
    return isKnown && x.dtype === y.dtype && x.quantization === undefined;
  },
  lower(site, emit) {
    const [input, output] = [inputOf(site, 0), outputOf(site)];
    const { exclusive, reverse } = site.options;
    const { outer, length, inner } = axisOf(input.type.shape, integersOf(site, 1)[0] as number);
    const invocations = outer * inner;
    const steps = ['sum += x_load(at);', 'y_store(at, sum);'];
    emit.run({
      label: 'CUMSUM',
      bindings: { x: reads(input, 1), y: writes(output, 1) },
      params: { invocations: u32(invocations), length: u32(length), inner: u32(inner) },
      grid: { invocations },
      body: `
if (index >= params.invocations) { return; }
let begin = index / params.inner * params.length * params.inner + index % params.inner;
var sum = ${elementOf(input.type.dtype as StoredDType)}();
for (var k = 0u; k < params.length; k++) {
  let at = begin + ${reverse ? '(params.length - 1u - k)' : 'k'} * params.inner;
  ${(exclusive ? steps.reverse() : steps).join(' ')}
}`,
    });
  },
};
