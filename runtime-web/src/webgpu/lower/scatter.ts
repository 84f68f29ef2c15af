/** Ops that join rows to the places that a tensor of indices names. */
import type { OpName } from '@linnet/schema';
import { count, rowMajor } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import type { Operand } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { array, type Param, reads, u32 } from '../wgsl/kernel.js';
import { type Element, elementOf, type StoredDType } from '../wgsl/storage.js';
import { emitElementwise } from './elementwise.js';
import { checkedFunction, hasPositions, positionBinding } from './positions.js';

interface Join {
  readonly of: (a: string, b: string) => string;
  /** The value that joining leaves as it is: what places start from. */
  readonly first: { readonly [E in Element]: number };
}

const JOINS = {
  add: { of: (a, b) => `${a} + ${b}`, first: { f32: 0, i32: 0 } },
  mul: { of: (a, b) => `${a} * ${b}`, first: { f32: 1, i32: 1 } },
  max: { of: (a, b) => `max(${a}, ${b})`, first: { f32: -3.4028234663852886e38, i32: -(2 ** 31) } },
  min: { of: (a, b) => `min(${a}, ${b})`, first: { f32: 3.4028234663852886e38, i32: 2 ** 31 - 1 } },
} as const satisfies Record<string, Join>;

interface Scatter {
  readonly label: OpName;
  readonly join: Join;
  readonly positions: Operand;
  readonly updates: Operand;
  readonly output: Operand;
  /** Dimensions of the output that a row of the positions names an element of. */
  readonly depth: number;
  /** Whether positions number segments: negative ones leave rows out. */
  readonly segments: boolean;
}

/** Rows in their order, so that sums are always the same; an invocation has an element of each row. */
function emitScatter(emit: Emitter, scatter: Scatter): void {
  const { label, join, positions, updates, output, depth, segments } = scatter;
  const { dtype, shape } = output.type;
  const element = elementOf(dtype as StoredDType);
  const inner = count(shape.slice(depth));
  emitElementwise(emit, {
    label,
    operands: [],
    output,
    params: { first: [element, join.first[element]] },
    expression: `vec4<${element}>(params.first)`,
  });
  const params: Record<string, Param> = {
    rows: u32(count(updates.type.shape) / inner),
    inner: u32(inner),
  };
  const strides = rowMajor(shape.slice(0, depth));
  const terms = strides.map((stride, axis) => {
    params[`dim${axis}`] = u32(shape[axis] as number);
    params[`stride${axis}`] = u32(stride);
    return `checked(row * ${depth}u + ${axis}u, params.dim${axis}) * params.stride${axis}`;
  });
  emit.run({
    label,
    faults: segments ? 'segment' : 'index',
    bindings: {
      positions: positionBinding(positions),
      x: reads(updates, 1),
      y: array(output.ref, element, 'read_write'),
    },
    params,
    grid: { invocations: inner },
    declarations: checkedFunction(positions),
    body: `
if (index >= params.inner) { return; }
for (var row = 0u; row < params.rows; row++) {
  ${segments ? 'if (position(row).y > 0x7fffffffu) { continue; }' : ''}
  let to = (${terms.join(' + ') || '0u'}) * params.inner + index;
  y[to] = ${join.of('y[to]', 'x_load(row * params.inner + index)')};
}`,
  });
}

function canScatter(positions: Operand, updates: Operand, output: Operand): boolean {
  return (
    hasPositions(positions) &&
    [updates, output].every(
      ({ type: { dtype, quantization } }) =>
        (dtype === 'float32' || dtype === 'int32') &&
        dtype === output.type.dtype &&
        quantization === undefined,
    )
  );
}

const scatterNd: Lowering<'SCATTER_ND'> = {
  supports: (site) => canScatter(inputOf(site, 0), inputOf(site, 1), outputOf(site)),
  lower(site, emit) {
    const positions = inputOf(site, 0);
    emitScatter(emit, {
      label: 'SCATTER_ND',
      join: JOINS.add,
      positions,
      updates: inputOf(site, 1),
      output: outputOf(site),
      depth: positions.type.shape.at(-1) as number,
      segments: false,
    });
  },
};

/** Rows of data joined by segment: the positions are of the output's first dimension. */
function segments<N extends OpName>(join: Join): Lowering<N> {
  return {
    supports: (site) => canScatter(inputOf(site, 1), inputOf(site, 0), outputOf(site)),
    lower: (site, emit) =>
      emitScatter(emit, {
        label: site.op,
        join,
        positions: inputOf(site, 1),
        updates: inputOf(site, 0),
        output: outputOf(site),
        depth: 1,
        segments: true,
      }),
  };
}

export const SCATTER_LOWERINGS = {
  SCATTER_ND: scatterNd,
  SEGMENT_SUM: segments<'SEGMENT_SUM'>(JOINS.add),
  UNSORTED_SEGMENT_SUM: segments<'UNSORTED_SEGMENT_SUM'>(JOINS.add),
  UNSORTED_SEGMENT_PROD: segments<'UNSORTED_SEGMENT_PROD'>(JOINS.mul),
  UNSORTED_SEGMENT_MAX: segments<'UNSORTED_SEGMENT_MAX'>(JOINS.max),
  UNSORTED_SEGMENT_MIN: segments<'UNSORTED_SEGMENT_MIN'>(JOINS.min),
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
