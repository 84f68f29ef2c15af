import type { Program } from '../graph/graph.js';
import { type DriverOptions, type RewriteLog, rewrite } from '../passes/driver.js';
import type { Rule } from '../passes/rule.js';
import { dynamicRangeRules, type QuantizedTensor } from './dynamic.js';

export type { QuantizedTensor } from './dynamic.js';

/** Makes the rules of a mode; `record` is told of every tensor that they quantize. */
type ModeRules = (record: (tensor: QuantizedTensor) => void) => readonly Rule[];

/** What `optimize` may be, and how each quantizes. */
const MODES = {
  /** Everything stays as it is. */
  none: () => [],
  /** Dynamic range: int8 weights where stock kernels read them, activations quantized at run time. */
  default: dynamicRangeRules,
} as const satisfies Record<string, ModeRules>;

export type OptimizeMode = keyof typeof MODES;

export const OPTIMIZE_MODES = Object.keys(MODES) as readonly OptimizeMode[];

/** Quantizes every graph of a program, in place; answers what was quantized. */
export function quantize(
  program: Program,
  mode: OptimizeMode,
  log: RewriteLog,
  options: DriverOptions = {},
): readonly QuantizedTensor[] {
  const quantized: QuantizedTensor[] = [];
  const rules = MODES[mode]((tensor) => quantized.push(tensor));
  if (rules.length === 0) return quantized;
  for (const graph of program.graphs) {
    rewrite(graph, [{ name: 'quantize', rules }], log, options);
  }
  return quantized;
}
