/** Ops that normalize each row along the last dimension. */
import type { OpName } from '@linnet/schema';
import { activationOf } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import { fixedFactor, wordTable } from '../../lower/fixed-point.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { type PerTensor, perTensor, QUANTIZED } from '../../lower/quantization.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { emitActivation } from './activation.js';

function isFloat(site: LowerSite<OpName>): boolean {
  return inputOf(site, 0).type.dtype === 'float32' && outputOf(site).type.dtype === 'float32';
}

function rowsBlock(site: LowerSite<OpName>) {
  const { shape } = inputOf(site, 0).type;
  const depth = shape.at(-1) ?? 1;
  return { x: inputOf(site, 0).ref, y: outputOf(site).ref, rows: count(shape.slice(0, -1)), depth };
}

/** SOFTMAX from one quantized type to itself. */
function quantizedSoftmax(site: LowerSite<'SOFTMAX'>) {
  const [x, y] = [perTensor(inputOf(site, 0).type), perTensor(outputOf(site).type)];
  return x && y && x.dtype === y.dtype ? { x, y } : null;
}

function emitQuantizedSoftmax(
  emit: Emitter,
  site: LowerSite<'SOFTMAX'>,
  { x, y }: { readonly x: PerTensor; readonly y: PerTensor },
): void {
  if (x.dtype === 'int16') {
    emitSoftmax16(emit, site, x);
    return;
  }
  const factor = Math.fround(site.options.beta * x.scale);
  const make = () =>
    Float32Array.from({ length: 256 }, (_, distance) => Math.exp(-Math.fround(factor * distance)));
  emit.call(`softmax_q${QUANTIZED[x.dtype].kernel}`, {
    ...rowsBlock(site),
    table: emit.constant(`exponentials ${factor}`, make),
    scale: y.scale,
    zero: y.zero,
    low: y.low,
    high: y.high,
  });
}

/** The largest distance from a row's maximum whose exponential counts. Source: TFLite's SoftmaxPrepare. */
const FARTHEST = 10;

function emitSoftmax16(emit: Emitter, site: LowerSite<'SOFTMAX'>, x: PerTensor): void {
  const step = 2 / 65535;
  const exponentials = () => wordTable(Math.exp, { low: -FARTHEST, high: 0, step });
  const reciprocals = () => wordTable((v) => 1 / (1 + v), { low: 0, high: 1, step });
  emit.call('softmax_qi16', {
    ...rowsBlock(site),
    exponentials: emit.constant('word exponentials', exponentials),
    reciprocals: emit.constant('word reciprocals', reciprocals),
    ...fixedFactor(Math.fround(x.scale * site.options.beta) / (FARTHEST / 65535)),
  });
}

const softmax: Lowering<'SOFTMAX'> = {
  supports: (site) => site.options.beta >= 0 && (isFloat(site) || quantizedSoftmax(site) !== null),
  lower(site, emit) {
    const form = quantizedSoftmax(site);
    if (form !== null) emitQuantizedSoftmax(emit, site, form);
    else emit.call('softmax_f32', { ...rowsBlock(site), beta: site.options.beta });
  },
};

const logSoftmax: Lowering<'LOG_SOFTMAX'> = {
  supports: isFloat,
  lower: (site, emit) => emit.call('log_softmax_f32', rowsBlock(site)),
};

const l2Normalization: Lowering<'L2_NORMALIZATION'> = {
  supports: isFloat,
  lower(site, emit) {
    emit.call('l2_normalize_f32', rowsBlock(site));
    emitActivation(emit, outputOf(site), activationOf(site));
  },
};

const localResponse: Lowering<'LOCAL_RESPONSE_NORMALIZATION'> = {
  supports: (site) => isFloat(site) && site.options.radius >= 0,
  lower(site, emit) {
    const { radius, bias, alpha, beta } = site.options;
    emit.call('local_response_normalize_f32', { ...rowsBlock(site), radius, bias, alpha, beta });
  },
};

/** A MEAN into which layer normalization is folded. */
export const layerNormalization: Lowering<'MEAN'> = {
  supports: (site) =>
    [...site.inputs, ...site.outputs].every(
      (operand) => operand === null || operand.type.dtype === 'float32',
    ),
  lower(site, emit) {
    const { depth, epsilon } = site.fused.normalization ?? { depth: 1, epsilon: 0 };
    const x = inputOf(site, 0);
    emit.call('layer_normalize_f32', {
      x: x.ref,
      y: outputOf(site).ref,
      rows: count(x.type.shape) / depth,
      depth,
      gamma: site.inputs[1]?.ref ?? null,
      beta: site.inputs[2]?.ref ?? null,
      epsilon,
    });
  },
};

export const NORMALIZATION_LOWERINGS = {
  SOFTMAX: softmax,
  LOG_SOFTMAX: logSoftmax,
  L2_NORMALIZATION: l2Normalization,
  LOCAL_RESPONSE_NORMALIZATION: localResponse,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
