import type { RuleRecord } from './driver.js';
import type { TransposeLeft } from './layout/rule.js';

/**
 * What `--explain` prints: which rule fired how often and what it saved, as aligned columns.
 * `(rounds)` marks rewrites after which results may differ by rounding.
 */
export function formatRules(records: readonly RuleRecord[]): string {
  const rows = [...records]
    .sort((a, b) => b.applications - a.applications || (a.rule < b.rule ? -1 : 1))
    .map((record) => [
      record.rule,
      `${record.applications}`,
      signed(record.nodes),
      signed(record.bytes),
      signed(record.macs),
      record.rounds ? `${record.rewrite} (rounds)` : record.rewrite,
    ]);
  return columns([
    ['rule', 'times', 'nodes saved', 'bytes saved', 'MACs saved', 'rewrite'],
    ...rows,
  ]);
}

/** One line per transpose that is left, with the reason why it is still there. */
export function formatTransposes(left: readonly TransposeLeft[]): string {
  return left
    .map(({ node, permutation, reason }) => `${node} [${permutation?.join() ?? '?'}]: ${reason}`)
    .join('\n');
}

/** Zero says nothing; a minus says that a rule spent rather than saved. */
function signed(amount: number): string {
  return amount === 0 ? '' : amount.toLocaleString('en-US');
}

/** Names to the left, numbers to the right. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const last = widths.length - 1;
  const isText = (column: number) => column === 0 || column === last;
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          isText(column)
            ? cell.padEnd(column === last ? 0 : widths[column]!)
            : cell.padStart(widths[column]!),
        )
        .join('  '),
    )
    .join('\n');
}
