import { createReadStream } from 'node:fs';
import { LinnetError } from '@linnet/schema';
import { CsvError, type Info, parse } from 'csv-parse';
import type { TensorInfo } from '../../entry-point.js';
import { Dataset } from '../dataset.js';
import { ioError } from '../files.js';
import { badSample, flatShape, type Origin, type Sample, toInput } from '../sample.js';

/** Characters of a row; longer ones are no table. */
const MAX_ROW = 2 ** 26;

/**
 * The rows of a CSV file (RFC 4180, UTF-8), one sample each.
 *
 * Without a header, or with one that names no input, the columns are the elements of the model's
 * only input. With a header whose columns are named after the inputs (`x` for one element, `x[0]`,
 * `x[1]`, ... for more, in row-major order), other columns such as labels are left out.
 *
 * @throws LinnetError IO, or INVALID_ARGUMENT for a cell that is no number or a row that does not fit
 */
export function csvDataset(file: string, inputs: readonly TensorInfo[]): Dataset<Sample> {
  return new Dataset(async function* () {
    let columns: readonly Columns[] | undefined;
    let index = 0;
    for await (const { cells, line } of rows(file)) {
      if (columns === undefined) {
        columns = columnsOf(cells, inputs, file);
        if (cells.some((cell) => !isNumber(cell))) continue;
      }
      const origin = { file, index: index++, part: `line ${line}` };
      yield Object.fromEntries(
        columns.map(({ info, positions }) => [info.name, toRow(info, cells, positions, origin)]),
      );
    }
  });
}

/** Where an input's elements stand in a row; null for all columns. */
interface Columns {
  readonly info: TensorInfo;
  readonly positions: readonly number[] | null;
}

interface Row {
  readonly cells: readonly string[];
  readonly line: number;
}

async function* rows(file: string): AsyncGenerator<Row> {
  const stream = createReadStream(file);
  const parser = parse({
    bom: true,
    info: true,
    max_record_size: MAX_ROW,
    relax_column_count: true,
    skip_empty_lines: true,
    trim: true,
  });
  stream.on('error', (cause) => parser.destroy(cause));
  stream.pipe(parser);
  try {
    for await (const row of parser) {
      const { record, info } = row as { record: string[]; info: Info };
      yield { cells: record, line: info.lines };
    }
  } catch (cause) {
    if (!(cause instanceof CsvError))
      throw cause instanceof LinnetError ? cause : ioError(cause, file);
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `not a readable table: ${cause.message}`,
      { file },
      [],
      {
        cause,
      },
    );
  } finally {
    stream.destroy();
  }
}

function isNumber(cell: string): boolean {
  return cell !== '' && !Number.isNaN(Number(cell));
}

/** Says by a file's first row which columns belong to which input. */
function columnsOf(
  first: readonly string[],
  inputs: readonly TensorInfo[],
  file: string,
): readonly Columns[] {
  const named = inputs.map((info) => ({ info, positions: positionsOf(info.name, first) }));
  if (named.every(({ positions }) => positions.length > 0)) return named;
  const [info] = inputs;
  if (info !== undefined && inputs.length === 1) return [{ info, positions: null }];
  const missing = named.filter(({ positions }) => positions.length === 0);
  throw new LinnetError(
    'INVALID_ARGUMENT',
    `no column is named after input ${missing.map(({ info: { name } }) => name).join(', ')}`,
    { file },
    ['Name the columns in the first row: x for one element, x[0], x[1], ... for more.'],
  );
}

/** The columns `name` or `name[0]`, `name[1]`, ..., in the order of the elements. */
function positionsOf(name: string, header: readonly string[]): readonly number[] {
  const single = header.indexOf(name);
  if (single >= 0) return [single];
  const positions: number[] = [];
  for (let at = header.indexOf(`${name}[0]`); at >= 0; ) {
    positions.push(at);
    at = header.indexOf(`${name}[${positions.length}]`);
  }
  return positions;
}

function toRow(
  info: TensorInfo,
  cells: readonly string[],
  positions: readonly number[] | null,
  origin: Origin,
) {
  const chosen = positions?.map((position) => cells[position] ?? '') ?? cells;
  const bad = chosen.findIndex((cell) => !isNumber(cell));
  if (bad >= 0) {
    const column = (positions?.[bad] ?? bad) + 1;
    throw badSample(origin, `column ${column} holds "${chosen[bad]}", which is no number`);
  }
  const data = Float64Array.from(chosen, Number);
  const shape = flatShape(info, data.length) ?? [data.length];
  const isInteger = info.dtype.includes('int') || info.dtype === 'bool';
  if (!isInteger || !data.every(Number.isInteger)) {
    return toInput(info, { dtype: 'float64', shape, data }, origin);
  }
  const wide = BigInt64Array.from(data, BigInt);
  return toInput(info, { dtype: 'int64', shape, data: wide }, origin);
}
