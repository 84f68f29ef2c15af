/** Pooling of images. */
import { POOL_KINDS } from '@linnet/runtime-wasm';
import type { OpName } from '@linnet/schema';
import {
  activationOf,
  activationRange,
  quantizedRange,
  type Range,
} from '../../lower/activation.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { perTensor } from '../../lower/quantization.js';
import { imageAxes, isSmallWindow } from '../../lower/window.js';
import type { LowerSite } from '../../plan/lowering.js';
import { sameElements } from '../../plan/types.js';
import type { Lowering } from '../lowering.js';
import { windowArguments } from './window.js';

type Pooling = 'AVERAGE_POOL_2D' | 'MAX_POOL_2D' | 'L2_POOL_2D';

function axesOf(site: LowerSite<Pooling>) {
  const { options } = site;
  const window = [options.filterHeight, options.filterWidth] as const;
  const [from, to] = [inputOf(site, 0).type.shape, outputOf(site).type.shape];
  return imageAxes(from, to, window, options);
}

function pooling(kind: keyof typeof POOL_KINDS): Lowering<Pooling> {
  return {
    supports(site) {
      const [from, to] = [inputOf(site, 0).type, outputOf(site).type];
      if (activationRange(activationOf(site)) === null || !sameElements(from, to)) return false;
      const hasKernel = from.dtype === 'float32' || (perTensor(from) !== null && kind !== 'l2');
      return hasKernel && isSmallWindow(axesOf(site));
    },
    lower(site, emit) {
      const [from, to] = [inputOf(site, 0), outputOf(site)];
      const [rows, columns] = axesOf(site);
      const block = {
        ...windowArguments(from.type.shape, rows, columns),
        input: from.ref,
        output: to.ref,
        kind: POOL_KINDS[kind],
      };
      const range = activationRange(activationOf(site)) as Range;
      const quantization = perTensor(to.type);
      if (quantization === null) {
        emit.call('pool_f32', { ...block, ...range });
        return;
      }
      const limits = quantizedRange(range, quantization);
      if (quantization.dtype === 'int16') {
        emit.call('pool_q16', { ...block, ...limits });
      } else {
        const is_unsigned = quantization.dtype === 'uint8' ? 1 : 0;
        emit.call('pool_q8', { ...block, ...limits, is_unsigned });
      }
    },
  };
}

export const POOLING_LOWERINGS = {
  AVERAGE_POOL_2D: pooling('average'),
  MAX_POOL_2D: pooling('max'),
  L2_POOL_2D: pooling('l2'),
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
