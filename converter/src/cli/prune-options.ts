import { InvalidArgumentError, Option } from 'commander';
import type { SparseStorage } from '../emit/sparse-storage.js';
import {
  PRUNE_METHODS,
  PRUNE_PATTERNS,
  type PruneMethodChoice,
  type PruneOptions,
  type PrunePattern,
  type Pruning,
} from '../prune/index.js';
import { formatBytes } from '../units.js';
import { formatTable, UsageError } from './console.js';

export interface PruneCommandOptions {
  readonly prune?: number;
  readonly prunePattern?: PrunePattern;
  readonly pruneMethod?: PruneMethodChoice;
  readonly pruneUniform?: true;
}

/** The options of a command that prunes. */
export function pruneOptions(): readonly Option[] {
  return [
    new Option(
      '--prune <sparsity>',
      'part of the weights to make zero or remove, as in 0.5',
    ).argParser(parseSparsity),
    new Option(
      '--prune-pattern <pattern>',
      'how the zeros lie: anywhere, N of M, or blocks of outputs x inputs; or whole channels go (default: unstructured)',
    ).choices(PRUNE_PATTERNS),
    new Option(
      '--prune-method <method>',
      'how weights that go are chosen; wanda and obs need --calibration-data (default: auto)',
    ).choices(PRUNE_METHODS),
    new Option('--prune-uniform', 'prune all layers to the same degree'),
  ];
}

/** What `convert` takes for these options. */
export function pruneOptionsOf(options: PruneCommandOptions): { readonly prune?: PruneOptions } {
  const { prune, prunePattern: pattern, pruneMethod: method, pruneUniform: uniform } = options;
  if (prune !== undefined) {
    return {
      prune: {
        sparsity: prune,
        ...(pattern && { pattern }),
        ...(method && { method }),
        ...(uniform && { uniform }),
      },
    };
  }
  if (pattern ?? method ?? uniform) {
    throw new UsageError('--prune-... options go with --prune, which says how much to prune');
  }
  return {};
}

function parseSparsity(text: string): number {
  const sparsity = Number(text);
  if (text.trim() !== '' && sparsity > 0 && sparsity < 1) return sparsity;
  throw new InvalidArgumentError(
    'Expected the part of the weights that goes, more than 0 and less than 1.',
  );
}

/** How pruned weights are stored, for people. */
export function formatSparse({ tensors, bytesBefore, bytesAfter }: SparseStorage): string {
  if (tensors > 0) {
    const [before, after] = [bytesBefore, bytesAfter].map(formatBytes);
    return `${tensors} weight tensors stored without their zeros: ${after} instead of ${before}`;
  }
  return (
    'weights stored with their zeros: integers, or weights whose indices would take more than they ' +
    'save; --compress makes the download smaller'
  );
}

/** What pruning did, for people. */
export function formatPruning({ layers, pattern, zeros, error }: Pruning): string {
  const percent = (part: number) => `${(100 * part).toFixed(1)} %`;
  const change =
    error === null ? '' : `; outputs change by ${percent(Math.sqrt(error))} of their size (RMS)`;
  const rows = layers.map((layer) => [
    layer.op,
    layer.node,
    `[${layer.shape}]`,
    layer.method,
    percent(layer.sparsity),
    percent(Math.sqrt(layer.error)),
  ]);
  return (
    `${percent(zeros)} of ${layers.length} layers' weights pruned (${pattern})${change}\n` +
    formatTable(['op', 'node', 'weights', 'method', 'zeros', 'error'], rows)
  );
}
