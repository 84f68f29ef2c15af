/**
 * Converts saved models to TFLite files.
 *
 * @packageDocumentation
 */

export type { ErrorCode, ErrorLocation } from '@linnet/schema';
export { LinnetError } from '@linnet/schema';
export type { CalibrationOptions } from './calibrate/open-samples.js';
export {
  type Conversion,
  type ConvertOptions,
  type ConvertProgress,
  type ConvertReport,
  convert,
  OPTIMIZE_MODES,
  type OptimizeMode,
  type ProgramSize,
  type SignatureSummary,
  type TensorSummary,
} from './convert.js';
export { type NamedArray, readNpy, readNpz, writeNpy } from './data/npy.js';
export { bytesSource, filesSource, type Source } from './formats/source.js';
export { formatRules, formatTransposes } from './passes/explain.js';
export type { RuleRecord, TransposeLeft } from './passes/index.js';
export { type Budget, parseBudget } from './precision/budget.js';
export { loadRecipe, parseRecipe } from './precision/load-recipe.js';
export { formatRecipe, type Recipe, type RecipeRule } from './precision/recipe.js';
export {
  PRUNE_METHODS,
  PRUNE_PATTERNS,
  type PrunedLayer,
  type PruneMethod,
  type PruneMethodChoice,
  type PruneOptions,
  type PrunePattern,
  type Pruning,
} from './prune/index.js';
export {
  type FloatNode,
  IO_TYPES,
  type IoType,
  QUANTIZE_MODES,
  type QuantizedTensor,
  type QuantizeMode,
} from './quantize/index.js';
export { RECOVERY_STEPS, type RecoveryRecord, type RecoveryStepName } from './recover/index.js';
export type { RecoverChoice } from './recover/program.js';
export { loadMetric, type Metric, type Outputs } from './verify/metric.js';
