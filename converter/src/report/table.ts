import { escapeHtml } from './escape.js';

/** A column of a table; numbers stand right. */
export interface Column<T> {
  readonly head: string;
  readonly isNumber?: true;
  text(row: T): string;
}

/** A table as HTML, with a row for each of `rows`. */
export function htmlTable<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const cells = (tag: 'td' | 'th', text: (column: Column<T>) => string) =>
    columns
      .map((column) => {
        const side = column.isNumber ? ' class="n"' : '';
        return `<${tag}${side}>${escapeHtml(text(column))}</${tag}>`;
      })
      .join('');
  return `<table><thead><tr>${cells('th', ({ head }) => head)}</tr></thead><tbody>
${rows.map((row) => `<tr>${cells('td', ({ text }) => text(row))}</tr>`).join('\n')}
</tbody></table>`;
}
