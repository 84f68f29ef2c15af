/** Ops that read where a tensor of indices says; indices outside their dimension are faults. */
import { type AffineQuantization, normalizeAxis, type OpName } from '@linnet/schema';
import { count, rowMajor } from '../../lower/dims.js';
import { type AnySite, inputOf, outputOf } from '../../lower/operands.js';
import type { LowerSite, Operand } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { array, type Binding, type Param, reads, u32, writes } from '../wgsl/kernel.js';
import { emitNarrowed } from './narrow.js';
import { checkedFunction, hasPositions, positionBinding } from './positions.js';
import { canMove } from './reshape.js';
import { resident } from './weights.js';

/** Slices of `size` elements, found one for each of the output. */
interface Lookup {
  readonly label: string;
  readonly table: Operand;
  readonly positions: Operand;
  readonly output: Operand;
  readonly size: number;
  /**
   * Statements that return the number of the table's slice for slice `row` of the output, by
   * `checked(at, bound)`: element `at` of the positions, 0 if it is not in 0 .. bound - 1.
   */
  readonly source: string;
  readonly params: Readonly<Record<string, Param>>;
  /** Makes real numbers of integers: a scale and zero point for all or for each slice of the table. */
  readonly quantization?: AffineQuantization;
}

function emitLookup(emit: Emitter, lookup: Lookup): void {
  const { label, table, positions, output, size, source, quantization } = lookup;
  const width = size % 4 === 0 ? 4 : 1;
  const invocations = count(output.type.shape) / width;
  const factors: Record<string, Binding> = {};
  if (quantization !== undefined) {
    const factor = (key: string, values: ArrayLike<number>) =>
      array(
        emit.constant(key, () => Float32Array.from(values)),
        'f32',
        'read',
      );
    factors.scales = factor('scales', quantization.scale);
    factors.zeros = factor('zeros', quantization.zeroPoint);
  }
  const slices = (quantization?.scale.length ?? 1) > 1 ? 'slice' : '0u';
  const vector = width === 4 ? 'vec4<f32>' : 'f32';
  const value = 'x_load(slice * params.size + index % params.size)';
  emitNarrowed(emit, output, width === 4, (y) =>
    emit.run({
      label,
      faults: 'index',
      bindings: {
        x: reads(resident(emit, table), width),
        positions: positionBinding(positions),
        ...factors,
        y: writes(y, width),
      },
      params: { invocations: u32(invocations), size: u32(size / width), ...lookup.params },
      grid: { invocations },
      declarations: `${checkedFunction(positions)}
fn source(row: u32) -> u32 { ${source} }`,
      body: `
if (index >= params.invocations) { return; }
let slice = source(index / params.size);
y_store(index, ${quantization === undefined ? value : `(${vector}(${value}) - zeros[${slices}]) * scales[${slices}]`});`,
    }),
  );
}

/** Whether elements of a table can be moved to the output. */
function canLookUp(site: AnySite, table: number, positions: number): boolean {
  const operand = inputOf(site, table);
  return (
    canMove([operand, outputOf(site)]) &&
    !operand.type.shape.includes(0) &&
    hasPositions(inputOf(site, positions))
  );
}

/** Table [batch, outer, length, slice], positions [batch, count]. */
const gather: Lowering<'GATHER'> = {
  supports: (site) => canLookUp(site, 0, 1),
  lower(site, emit) {
    const [table, positions] = [inputOf(site, 0), inputOf(site, 1)];
    const { shape } = table.type;
    const axis = normalizeAxis(site.options.axis, shape.length);
    const { batchDims: given } = site.options;
    const batchDims = given < 0 ? given + positions.type.shape.length : given;
    emitLookup(emit, {
      label: 'GATHER',
      table,
      positions,
      output: outputOf(site),
      size: count(shape.slice(axis + 1)),
      source:
        'let outer = row / params.count; return outer * params.length + checked(outer / params.outers * params.count + row % params.count, params.length);',
      params: {
        count: u32(count(positions.type.shape.slice(batchDims))),
        outers: u32(count(shape.slice(batchDims, axis))),
        length: u32(shape[axis] as number),
      },
    });
  },
};

/** Positions [..., depth] in the first `depth` dimensions of the table. */
const gatherNd: Lowering<'GATHER_ND'> = {
  supports: (site) => canLookUp(site, 0, 1),
  lower(site, emit) {
    const [table, positions] = [inputOf(site, 0), inputOf(site, 1)];
    const depth = positions.type.shape.at(-1) as number;
    const dims = table.type.shape.slice(0, depth);
    const strides = rowMajor(dims);
    const params: Record<string, Param> = {};
    const terms = dims.map((dim, axis) => {
      params[`dim${axis}`] = u32(dim);
      params[`stride${axis}`] = u32(strides[axis] as number);
      return `checked(row * ${depth}u + ${axis}u, params.dim${axis}) * params.stride${axis}`;
    });
    emitLookup(emit, {
      label: 'GATHER_ND',
      table,
      positions,
      output: outputOf(site),
      size: count(table.type.shape.slice(depth)),
      source: `return ${terms.join(' + ') || '0u'};`,
      params,
    });
  },
};

/** The quantization of a table that is looked up as float32; null for others. */
function rowScales(site: LowerSite<'EMBEDDING_LOOKUP'>): AffineQuantization | null {
  const { dtype, quantization } = inputOf(site, 1).type;
  const isTable = dtype === 'int8' || dtype === 'uint8';
  if (!isTable || outputOf(site).type.dtype !== 'float32') return null;
  if (quantization?.kind !== 'affine') return null;
  return quantization.scale.length === 1 || quantization.axis === 0 ? quantization : null;
}

/** Positions of rows of the table. */
const embeddingLookup: Lowering<'EMBEDDING_LOOKUP'> = {
  supports: (site) =>
    canLookUp(site, 1, 0) || (rowScales(site) !== null && hasPositions(inputOf(site, 0))),
  lower(site, emit) {
    const [positions, table] = [inputOf(site, 0), inputOf(site, 1)];
    const quantization = rowScales(site);
    emitLookup(emit, {
      label: 'EMBEDDING_LOOKUP',
      table,
      positions,
      output: outputOf(site),
      size: count(table.type.shape.slice(1)),
      source: 'return checked(row, params.length);',
      params: { length: u32(table.type.shape[0] as number) },
      ...(quantization !== null && { quantization }),
    });
  },
};

export const INDEXING_LOWERINGS = {
  GATHER: gather,
  GATHER_ND: gatherNd,
  EMBEDDING_LOOKUP: embeddingLookup,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
