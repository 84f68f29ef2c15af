import type { QuantizeMode } from './quantize/index.js';
import type { RecoverChoice } from './recover/program.js';

/** What is known of a model's activations: samples to run, ranges that it states, or nothing. */
export type Knowledge = 'samples' | 'ranges' | 'nothing';

/** How numbers are stored to meet an objective. */
export interface Objective {
  readonly quantize: QuantizeMode;
  /** Steps of recovery, where the user asks for none. */
  readonly recover?: RecoverChoice;
  /** Told to the user, where the objective leaves a choice. */
  readonly why?: string;
}

const INT8 = { quantize: 'int8' } as const;
const DYNAMIC = { quantize: 'dynamic' } as const;

/** What `optimize` chooses, by what is known. */
export const OBJECTIVES = {
  none: {
    samples: { quantize: 'none' },
    ranges: { quantize: 'none' },
    nothing: { quantize: 'none' },
  },
  default: { samples: INT8, ranges: INT8, nothing: DYNAMIC },
  size: {
    samples: {
      quantize: 'int8x4',
      recover: 'auto',
      why: 'int4 weights are the smallest that stock kernels read, and the samples allow to recover what their rounding loses',
    },
    ranges: { ...INT8, why: 'the model was trained for its own ranges of 8 bits' },
    nothing: {
      ...DYNAMIC,
      why: 'int4 weights are smaller, but lose too much where no calibration data allows to recover it',
    },
  },
  latency: {
    samples: { ...INT8, why: 'integer kernels are the fastest' },
    ranges: { ...INT8, why: 'integer kernels are the fastest' },
    nothing: {
      ...DYNAMIC,
      why: 'products of int8 are faster than those of float32; with calibration data int8 throughout is faster still',
    },
  },
} as const satisfies Record<string, Readonly<Record<Knowledge, Objective>>>;

export type OptimizeMode = keyof typeof OBJECTIVES;
export const OPTIMIZE_MODES = Object.keys(OBJECTIVES) as readonly OptimizeMode[];
