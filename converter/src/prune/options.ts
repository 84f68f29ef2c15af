import { LinnetError } from '@linnet/schema';
import { needsData, PRUNE_METHODS, type PruneMethodChoice } from './method.js';
import { leastSparsity, PATTERNS, type Pattern } from './pattern.js';

/** How zeros can lie; with `channels` there are none, as shapes shrink. */
export type PrunePattern = keyof typeof PATTERNS | 'channels';
export const PRUNE_PATTERNS = [...Object.keys(PATTERNS), 'channels'] as readonly PrunePattern[];

export interface PruneOptions {
  /** The part of the weights that become zero, over all layers: more than 0, less than 1. */
  readonly sparsity: number;
  /** How the zeros lie, or that whole channels go; `unstructured` by default. */
  readonly pattern?: PrunePattern;
  /** How the weights that go are chosen; `auto` by default. */
  readonly method?: PruneMethodChoice;
  /** Prunes every layer to the same degree, instead of each as far as it bears. */
  readonly uniform?: boolean;
}

/**
 * The options with defaults.
 *
 * @throws LinnetError INVALID_ARGUMENT for a value that there is not, or that does not go with the others
 */
export function checkPruneOptions(
  { sparsity, pattern = 'unstructured', method = 'auto', uniform = false }: PruneOptions,
  hasData: boolean,
): Required<PruneOptions> {
  if (!(sparsity > 0 && sparsity < 1)) {
    throw new LinnetError('INVALID_ARGUMENT', `the sparsity to prune to is ${sparsity}`, {}, [
      'expected the part of the weights that goes: more than 0 and less than 1, as in 0.5',
    ]);
  }
  checkChoice('pattern', pattern, PRUNE_PATTERNS);
  checkChoice('method', method, PRUNE_METHODS);
  const least = leastSparsity(patternOf(pattern));
  if (sparsity < least) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `a sparsity of ${sparsity} is too little for the pattern ${pattern}`,
      {},
      [
        `It removes at least ${least} of a layer; prune to that or more, or choose another pattern.`,
      ],
    );
  }
  if (pattern === 'channels' && uniform) {
    throw new LinnetError('INVALID_ARGUMENT', 'channels are not pruned uniformly', {}, [
      'A channel belongs to several layers; leave out --prune-uniform.',
    ]);
  }
  if (!hasData && needsData(method)) {
    throw new LinnetError('INVALID_ARGUMENT', `pruning by ${method} needs calibration data`, {}, [
      'Give samples of what the model meets in use (--calibration-data, or the option calibration), or prune by magnitude.',
    ]);
  }
  return { sparsity, pattern, method, uniform };
}

/** The pattern by which single layers are pruned: where channels go, to see how much they bear. */
export function patternOf(pattern: PrunePattern): Pattern {
  return PATTERNS[pattern === 'channels' ? 'unstructured' : pattern];
}

function checkChoice(what: string, given: string, choices: readonly string[]): void {
  if (choices.includes(given)) return;
  throw new LinnetError('INVALID_ARGUMENT', `the ${what} to prune by is ${given}`, {}, [
    `expected one of ${choices.join(', ')}`,
  ]);
}
