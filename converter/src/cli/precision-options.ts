import { resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import type { ConvertOptions, ConvertReport } from '../convert.js';
import { type Budget, parseBudget } from '../precision/budget.js';
import { loadRecipe } from '../precision/load-recipe.js';
import { formatRecipe } from '../precision/recipe.js';
import type { PrecisionSummary } from '../quantization-stage.js';
import { modePrecision } from '../quantize/index.js';
import { formatBytes } from '../units.js';
import { loadMetric } from '../verify/metric.js';
import { formatTable, UsageError } from './console.js';

export interface PrecisionCommandOptions {
  readonly budget?: Budget;
  readonly recipe?: string;
  readonly writeRecipe?: string;
  /** Path of the module with the metric that budgets go by, too. */
  readonly metric?: string;
}

export const budgetOption = () =>
  new Option(
    '--budget <limits>',
    'pick a precision for each layer that keeps to limits, as in "accuracy-drop<=0.5, size<=3MB" or ' +
      '"sqnr>=30"; accuracy is agreement with the float model, or the --metric',
  ).argParser((text) => {
    try {
      return parseBudget(text);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  });

export const recipeOption = () =>
  new Option(
    '--recipe <file>',
    'precisions of single nodes: .json with rules {nodes, op, precision}, or of ai-edge-quantizer',
  );

export const writeRecipeOption = () =>
  new Option('--write-recipe <file>', 'write what was chosen, for --recipe');

/** What `convert` takes for these options. */
export async function precisionOptionsOf({
  budget,
  recipe,
  metric,
}: PrecisionCommandOptions): Promise<Pick<ConvertOptions, 'budget' | 'recipe' | 'metric'>> {
  if (budget !== undefined && recipe !== undefined) {
    throw new UsageError('give either --budget or --recipe');
  }
  return {
    ...(budget && { budget }),
    ...(recipe !== undefined && { recipe: await loadRecipe(recipe) }),
    ...(metric !== undefined && { metric: await loadMetric(metric) }),
  };
}

/** The recipe that was asked for, to be written. */
export function recipeFile(
  { writeRecipe }: PrecisionCommandOptions,
  { precision, quantization }: ConvertReport,
): ReadonlyMap<string, Uint8Array> {
  if (writeRecipe === undefined) return new Map();
  const recipe = precision?.recipe ?? { default: modePrecision(quantization), rules: [] };
  return new Map([[resolve(writeRecipe), new TextEncoder().encode(formatRecipe(recipe))]]);
}

/** What was chosen and the models that were measured for it, for people. */
export function formatPrecision({ recipe, pareto }: PrecisionSummary): string {
  if (pareto.length === 0) return `${recipe.rules.length} rules of a recipe applied`;
  const rows = pareto.map(({ bytes, quality, accuracyDrop, layers, chosen }) => [
    formatBytes(bytes),
    `${quality.sqnr.toFixed(2)} dB`,
    accuracyDrop === undefined ? '' : accuracyDrop.toFixed(2),
    Object.entries(layers)
      .map(([precision, count]) => `${count} ${precision}`)
      .join(', '),
    chosen ? 'chosen' : '',
  ]);
  const head = ['size', 'signal to noise', 'accuracy drop', 'layers', ''];
  return `models on samples held back, none beaten in both size and error:\n${formatTable(head, rows)}`;
}
