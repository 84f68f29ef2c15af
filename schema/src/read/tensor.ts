import { byteLength, dtypeFromCode } from '../dtype.js';
import { LinnetError } from '../errors.js';
import { TensorType } from '../generated/enums/tensor-type.js';
import * as stored from '../generated/tables.js';
import type { Tensor } from '../model.js';
import { elementCount, formatType, isStatic, shapeProblem } from '../tensor-type.js';
import { fail } from './fail.js';
import { readQuantization } from './quantization.js';
import type { SparsityReader } from './sparsity.js';
import type { Table } from './table.js';

/** Where tensors find their contents. */
export interface Contents {
  readonly buffers: readonly (Uint8Array | null)[];
  readonly external: ReadonlyMap<number, Uint8Array>;
  /** Null where no constant is stored without its zeros. */
  readonly readSparsity: SparsityReader | null;
}

/** Reads one tensor of a subgraph that has `tensorCount` of them. */
export function readTensor(
  table: Table,
  index: number,
  tensorCount: number,
  contents: Contents,
): Tensor {
  const name = table.get(stored.Tensor.name) ?? '';
  const where = { tensor: name === '' ? `#${index}` : name };
  const type = table.get(stored.Tensor.type);
  const dtype = dtypeFromCode(type);
  if (dtype === undefined) {
    const found = TensorType[type] ?? `number ${type}`;
    throw new LinnetError('UNSUPPORTED', `The element type ${found} is not supported.`, where);
  }
  const contained = readContents(table, contents, where.tensor);
  const shape = readShape(table, contained !== null && contained.length > 0, where.tensor);
  const count = elementCount(shape);
  // Some writers give every tensor a buffer; an empty one means no contents unless it fits.
  const data = contained !== null && contained.length === 0 && count !== 0 ? null : contained;
  const sparsityTable = table.get(stored.Tensor.sparsity);
  const sparse =
    sparsityTable === null
      ? undefined
      : contents.readSparsity?.(sparsityTable, shape, where.tensor);
  if (data !== null && dtype !== 'string' && dtype !== 'resource' && dtype !== 'variant') {
    const expected = byteLength(dtype, sparse?.storedElements ?? count ?? 0);
    if (data.length !== expected) {
      fail(
        `${formatType({ dtype, shape })} takes ${expected} bytes, but its buffer has ${data.length}.`,
        where,
      );
    }
  }
  const parameters = table.get(stored.Tensor.quantization);
  const quantization =
    parameters === null
      ? undefined
      : readQuantization(parameters, shape, tensorCount, where.tensor);
  return {
    name,
    dtype,
    shape,
    data,
    isVariable: table.get(stored.Tensor.isVariable),
    ...(quantization && { quantization }),
    ...(sparse && { sparsity: sparse.sparsity }),
  };
}

function readContents(table: Table, contents: Contents, tensor: string): Uint8Array | null {
  const external = table.get(stored.Tensor.externalBuffer);
  if (external !== 0) {
    const data = contents.external.get(external);
    if (data === undefined) {
      fail(`its external buffer ${external} is not listed in the model.`, { tensor });
    }
    return data;
  }
  const index = table.get(stored.Tensor.buffer);
  if (index === 0) return null;
  const data = contents.buffers[index];
  if (data === undefined) {
    fail(`it uses buffer ${index}, but there are only ${contents.buffers.length}.`, { tensor });
  }
  return data;
}

/** The shape, with UNKNOWN_DIM where the signature leaves a dimension open. */
function readShape(table: Table, isConstant: boolean, tensor: string): readonly number[] {
  const declared = table.get(stored.Tensor.shape);
  const signature = isConstant ? [] : table.get(stored.Tensor.shapeSignature);
  const [rank, signatureRank] = [declared.length, signature.length];
  if (signatureRank > 0 && rank !== 0 && rank !== signatureRank) {
    fail(`its shape has ${rank} dimensions and its signature ${signatureRank}.`, { tensor });
  }
  const shape = signatureRank > 0 ? signature : declared;
  const problem = shapeProblem(shape);
  if (problem !== undefined) fail(`its shape is impossible: ${problem}.`, { tensor });
  if (isConstant && !isStatic(shape)) {
    fail(`it is a constant, but its shape [${shape}] has an unknown dimension.`, { tensor });
  }
  return shape;
}
