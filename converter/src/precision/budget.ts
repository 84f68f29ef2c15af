import { LinnetError } from '@linnet/schema';
import type { Quality } from '../recover/measure.js';
import { formatBytes } from '../units.js';

/** What a choice of precisions may cost; undefined where there is no limit. */
export interface Budget {
  /** Percentage points of the metric, taken as a part of one, below that of the float model. */
  readonly accuracyDrop?: number;
  /** Bytes of the file. */
  readonly size?: number;
  /** Signal to quantization noise ratio of the outputs, in dB, at least. */
  readonly sqnr?: number;
}

/** A model that was measured. */
export interface Measured {
  readonly bytes: number;
  readonly quality: Quality;
  /** Percentage points below the float model's score; undefined where the metric says nothing. */
  readonly accuracyDrop: number | undefined;
}

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

const SYNTAX =
  'Expected terms like accuracy-drop<=0.5 (percentage points), size<=3MB and sqnr>=30 (dB), with commas between.';

/**
 * Parses a budget such as `accuracy-drop<=0.5, size<=3MB`.
 *
 * @throws LinnetError INVALID_ARGUMENT that names the term
 */
export function parseBudget(text: string): Budget {
  const budget: { accuracyDrop?: number; size?: number; sqnr?: number } = {};
  for (const term of text.split(',').map((part) => part.trim())) {
    const [, name, relation, number, unit = ''] =
      /^([a-z-]+)\s*(<=|>=)\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(term) ?? [];
    const value = Number(number);
    const key = `${name} ${relation}`;
    if (key === 'accuracy-drop <=' && unit === '') budget.accuracyDrop = value;
    else if (key === 'size <=' && UNITS[unit] !== undefined) budget.size = value * UNITS[unit];
    else if (key === 'sqnr >=' && (unit === '' || unit === 'dB')) budget.sqnr = value;
    else {
      throw new LinnetError('INVALID_ARGUMENT', `there is no budget ${JSON.stringify(term)}`, {}, [
        SYNTAX,
      ]);
    }
  }
  return budget;
}

/** What of a budget a model does not keep to, for people: nothing where it keeps to all. */
export function excesses(
  { accuracyDrop, size, sqnr }: Budget,
  { bytes, quality, accuracyDrop: dropped }: Measured,
): readonly string[] {
  const found: string[] = [];
  if (size !== undefined && bytes > size) {
    found.push(`size ${formatBytes(bytes)} > ${formatBytes(size)}`);
  }
  if (accuracyDrop !== undefined && (dropped ?? 0) > accuracyDrop + 1e-9) {
    found.push(`accuracy drop ${dropped?.toFixed(2)} > ${accuracyDrop}`);
  }
  if (sqnr !== undefined && quality.sqnr < sqnr) {
    found.push(`signal to noise ${quality.sqnr.toFixed(2)} dB < ${sqnr} dB`);
  }
  return found;
}
