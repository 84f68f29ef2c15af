import type { ParetoPoint } from '../precision/choose.js';
import { formatRecipe } from '../precision/recipe.js';
import type { PrecisionSummary } from '../quantization-stage.js';
import { formatBytes } from '../units.js';
import { escapeHtml } from './escape.js';
import { type Column, htmlTable } from './table.js';

const COLUMNS: readonly Column<ParetoPoint>[] = [
  { head: 'size', isNumber: true, text: ({ bytes }) => formatBytes(bytes) },
  { head: 'SQNR dB', isNumber: true, text: ({ quality }) => quality.sqnr.toFixed(2) },
  {
    head: 'accuracy drop',
    isNumber: true,
    text: ({ accuracyDrop }) => accuracyDrop?.toFixed(2) ?? '',
  },
  {
    head: 'layers',
    text: ({ layers }) =>
      Object.entries(layers)
        .map(([precision, count]) => `${count} ${precision}`)
        .join(', '),
  },
  { head: '', text: ({ chosen }) => (chosen ? 'chosen' : '') },
];

/** How single nodes are stored, as HTML: where a budget was to be kept, with the models that were measured for it. */
export function precisionSection({ recipe, pareto }: PrecisionSummary): string {
  const measured =
    pareto.length === 0
      ? ''
      : `<p>Measured on samples held back; none is beaten in both size and error.</p>
<div class="scroll">${htmlTable(COLUMNS, pareto)}</div>
`;
  return `<h2>Precision</h2>
${measured}<details><summary>The recipe, which makes the choice again</summary><pre>${escapeHtml(formatRecipe(recipe))}</pre></details>`;
}
