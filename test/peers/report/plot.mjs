/** The race as bars: an SVG that needs no script and is legible on light and dark ground. */
import { NAMES } from './names.mjs';

const COLORS = { linnet: '#0a7d5a', litert: '#d9822b', ort: '#5b6abf', tfjs: '#a3a9b0' };

const WIDTH = 760;
const LABELS = 270;
const BAR = 13;
const GAP = 10;
const LEGEND = 34;

/** Longer bars are cut, and say so. */
const MOST = 4;
const UNIT = (WIDTH - LABELS - 90) / MOST;

/**
 * Medians relative to ours, a group of bars for each model; a line across our bar shows how long the
 * products take on registers alone.
 *
 * @param {import('../race/race.mjs').Result[]} results
 * @returns {string} SVG
 */
export function drawRace(results) {
  const parts = [legend()];
  let y = LEGEND;
  for (const { title, limit, lanes } of results) {
    const bars = lanes.filter(({ runtime }) => runtime in COLORS);
    if (bars.length === 0) continue;
    const [ours] = bars;
    parts.push(text(LABELS - 8, y + (bars.length * BAR) / 2 + 4, title, 'end'));
    for (const [index, { runtime, median }] of bars.entries()) {
      const ratio = median / ours.median;
      const length = Math.min(ratio, MOST) * UNIT;
      const top = y + index * BAR;
      const figure = `${milliseconds(median)}${ratio > MOST ? ` (${ratio.toFixed(1)}x, cut)` : ''}`;
      parts.push(
        `<rect x="${LABELS}" y="${top}" width="${length.toFixed(1)}" height="${BAR - 2}" fill="${COLORS[runtime]}"/>`,
        text(LABELS + length + 5, top + 10, figure),
      );
    }
    if (limit) {
      const x = (LABELS + (limit.milliseconds / ours.median) * UNIT).toFixed(1);
      parts.push(
        `<line x1="${x}" y1="${y - 2}" x2="${x}" y2="${y + BAR}" stroke="#e5484d" stroke-width="2"/>`,
      );
    }
    y += bars.length * BAR + GAP;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}" font-family="system-ui, sans-serif" font-size="11" fill="#888">
<title>Times of the runtimes relative to Linnet's</title>
${parts.join('\n')}
</svg>
`;
}

function legend() {
  const entries = Object.entries(COLORS).map(
    ([runtime, color], index) =>
      `<rect x="${LABELS + index * 115}" y="8" width="11" height="11" fill="${color}"/>` +
      text(LABELS + index * 115 + 16, 18, NAMES[runtime]),
  );
  const limit = `<line x1="120" y1="6" x2="120" y2="21" stroke="#e5484d" stroke-width="2"/>${text(127, 18, 'limit of the machine')}`;
  return [limit, ...entries].join('\n');
}

const milliseconds = (value) => `${value.toFixed(value < 10 ? 2 : 1)} ms`;

const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

function text(x, y, content, anchor = 'start') {
  const escaped = content.replace(/[&<>]/g, (character) => escapes[character]);
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escaped}</text>`;
}
