/** Charts as SVG text that needs nothing else: no script, no style sheet of others. */
import { escapeHtml } from './escape.js';

/** A column for each layer, or several side by side. */
export interface ColumnChart {
  readonly title: string;
  /** Of the vertical axis. */
  readonly unit: string;
  readonly series: readonly { readonly name: string; readonly color: string }[];
  readonly columns: readonly {
    /** Shown when the pointer rests on the column. */
    readonly label: string;
    /** One per series; null leaves a gap. */
    readonly values: readonly (number | null)[];
  }[];
  /** How a value is written beside the axis. */
  format(value: number): string;
}

const WIDTH = 960;
const HEIGHT = 260;
const LEFT = 64;
const TOP = 34;
const BOTTOM = 24;

export function columnChart(chart: ColumnChart): string {
  const { title, unit, series, columns } = chart;
  const values = columns.flatMap((column) => column.values.filter((value) => value !== null));
  const [lowest, highest] = [Math.min(0, ...values), Math.max(0, ...values)];
  const tick = niceStep((highest - lowest) / 5);
  const top = tick * Math.ceil(highest / tick);
  const floor = tick * Math.floor(lowest / tick);
  const plotHeight = HEIGHT - TOP - BOTTOM;
  const y = (value: number) => TOP + plotHeight * (1 - (value - floor) / (top - floor || tick));
  const step = (WIDTH - LEFT) / Math.max(1, columns.length);
  const width = Math.max(0.5, (step * 0.8) / series.length);
  const bars = columns.flatMap(({ label, values: heights }, i) =>
    heights.map((value, s) => {
      if (value === null) return '';
      const x = LEFT + step * (i + 0.1) + width * s;
      const [high, low] = [Math.max(value, 0), Math.min(value, 0)];
      const box = `x="${round(x)}" y="${round(y(high))}" width="${round(width)}"`;
      const tip = `${label}: ${series[s]?.name ?? ''} ${chart.format(value)}`;
      return (
        `<rect ${box} height="${round(Math.max(0.5, y(low) - y(high)))}" fill="${series[s]?.color}">` +
        `<title>${escapeHtml(tip)}</title></rect>`
      );
    }),
  );
  const lines = ticks(floor, top, tick).map(
    (value) =>
      `<line x1="${LEFT}" x2="${WIDTH}" y1="${round(y(value))}" y2="${round(y(value))}" class="grid"/>` +
      `<text x="${LEFT - 8}" y="${round(y(value) + 4)}" text-anchor="end">${escapeHtml(chart.format(value))}</text>`,
  );
  const legend = series.map(
    ({ name, color }, i) =>
      `<rect x="${WIDTH - 130 * (series.length - i)}" y="6" width="12" height="12" fill="${color}"/>` +
      `<text x="${WIDTH - 130 * (series.length - i) + 18}" y="16">${escapeHtml(name)}</text>`,
  );
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}">`,
    `<text x="0" y="16" class="title">${escapeHtml(title)}, ${escapeHtml(unit)}</text>`,
    ...legend,
    ...lines,
    ...bars,
    `<text x="${LEFT}" y="${HEIGHT - 6}">first layer</text>`,
    `<text x="${WIDTH}" y="${HEIGHT - 6}" text-anchor="end">last layer</text>`,
    '</svg>',
  ].join('\n');
}

/** The least of 1, 2, 5 times a power of ten that is not below; 1 for 0. */
function niceStep(value: number): number {
  if (value === 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((factor) => factor * power >= value) as number) * power;
}

function ticks(low: number, high: number, step: number): readonly number[] {
  return Array.from({ length: Math.round((high - low) / step) + 1 }, (_, i) => low + step * i);
}

function round(value: number): string {
  return value.toFixed(1);
}
