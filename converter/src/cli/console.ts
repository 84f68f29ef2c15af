import { LinnetError } from '@linnet/schema';

/** Where a command writes: results, and everything that is said meanwhile. */
export interface Console {
  /** Results go here, one line per call. */
  out(text: string): void;
  /** Progress, warnings and errors go here, one line per call. */
  say(text: string): void;
  /** The stream behind `say`, for drawing a progress bar on a terminal. */
  readonly messages: NodeJS.WriteStream;
}

export function processConsole(): Console {
  return {
    out: (text) => void process.stdout.write(`${text}\n`),
    say: (text) => void process.stderr.write(`${text}\n`),
    messages: process.stderr,
  };
}

/** The command line itself is wrong: exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** JSON with typed arrays as plain arrays and bigints as numbers where they fit, else as strings. */
export function toJson(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, item: unknown) => {
      if (typeof item === 'bigint') {
        return Number.isSafeInteger(Number(item)) ? Number(item) : item.toString();
      }
      if (ArrayBuffer.isView(item) && !(item instanceof DataView)) {
        return Array.from(item as unknown as Iterable<number>);
      }
      // JSON has no spelling for these; null would read as "not measured".
      if (typeof item === 'number' && !Number.isFinite(item)) return String(item);
      return item;
    },
    2,
  );
}

/** Rows as aligned columns; numbers are aligned right. */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const cells = [header, ...rows.map((row) => row.map(String))];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const numeric = header.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  return cells
    .map((row) =>
      row
        .map((cell, column) =>
          numeric[column] ? cell.padStart(widths[column]) : cell.padEnd(widths[column]),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** What `--json` prints for a failed command. */
export function errorToJson(error: LinnetError | UsageError): unknown {
  return error instanceof LinnetError
    ? { code: error.code, message: error.message, where: error.where, notes: error.notes }
    : { code: 'USAGE', message: error.message };
}
