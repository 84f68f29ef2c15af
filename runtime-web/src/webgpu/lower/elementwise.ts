/** Functions of the elements of one tensor or several, which are broadcast to the output. */
import type { OpName } from '@linnet/schema';
import { broadcast, count, type Walk } from '../../lower/dims.js';
import { type AnySite, inputOf, outputOf } from '../../lower/operands.js';
import type { Operand } from '../../plan/lowering.js';
import { sameShape } from '../../plan/types.js';
import type { Emitter, Lowering } from '../lowering.js';
import { type Binding, type Param, reads, u32, writes } from '../wgsl/kernel.js';
import { elementOf, type StoredDType } from '../wgsl/storage.js';
import { walkCode } from '../wgsl/walk.js';

const NAMES = ['a', 'b', 'c'] as const;

export interface Elementwise {
  readonly label: string;
  /** At most three, called `a`, `b` and `c`. */
  readonly operands: readonly Operand[];
  readonly output: Operand;
  /** How operands are read in the order of the output's elements; broadcast by default. */
  readonly walk?: StartedWalk;
  /** The result, a vector of four, by the operands' vectors; in terms of `params`, too. */
  readonly expression: string;
  /** Functions that the expression calls. */
  readonly declarations?: string;
  readonly params?: Readonly<Record<string, Param>>;
  /** What else the expression reads. */
  readonly bindings?: Readonly<Record<string, Binding>>;
}

/** A walk whose operands begin somewhere. */
export interface StartedWalk extends Walk {
  readonly starts: readonly number[];
}

/** How an operand's four elements for four of the output are had. */
interface Source {
  readonly binding: Binding;
  /** An expression for the vector, by the number `index` of the group of four. */
  readonly vector: string;
}

/** Emits y[i] = expression, four elements of the output per invocation. */
export function emitElementwise(emit: Emitter, elementwise: Elementwise): void {
  const { label, operands, output, expression, declarations = '', params = {} } = elementwise;
  const groups = Math.ceil(count(output.type.shape) / 4);
  const shapes = operands.map(({ type }) => type.shape);
  const { walk = { ...broadcast(output.type.shape, shapes), starts: shapes.map(() => 0) } } =
    elementwise;
  const code = walkCode(
    walk,
    operands.map((_, at) => `${NAMES[at]}_at`),
    walk.starts,
  );
  const isPlain =
    elementwise.walk === undefined && shapes.every((shape) => sameShape(shape, output.type.shape));
  const sources = operands.map((operand, at): Source => {
    const name = NAMES[at] as string;
    const strides = walk.strides[at] as readonly number[];
    if (isPlain) return { binding: reads(operand, 4), vector: `${name}_load(index)` };
    const inner = groupStride(walk, strides, walk.starts[at] as number);
    if (inner === 1) {
      return { binding: reads(operand, 4), vector: `${name}_load(${name}_at(4u * index) / 4u)` };
    }
    const element = elementOf(operand.type.dtype as StoredDType);
    const load = (flat: string) => `${name}_load(${name}_at(${flat}))`;
    const lanes = [0, 1, 2, 3].map((lane) => load(`4u * index + ${lane}u`));
    const vector = inner === 0 ? load('4u * index') : lanes.join(', ');
    return { binding: reads(operand, 1), vector: `vec4<${element}>(${vector})` };
  });
  emit.run({
    label,
    bindings: {
      ...Object.fromEntries(sources.map(({ binding }, at) => [NAMES[at] as string, binding])),
      ...elementwise.bindings,
      y: writes(output, 4),
    },
    params: { groups: u32(groups), ...(isPlain ? {} : code.params), ...params },
    grid: { invocations: groups },
    declarations: `${isPlain ? '' : code.functions}\n${declarations}`,
    body: [
      'if (index >= params.groups) { return; }',
      ...sources.map(({ vector }, at) => `let ${NAMES[at]} = ${vector};`),
      `y_store(index, ${expression});`,
    ].join('\n'),
  });
}

/**
 * What four neighbours of the output have of an operand: 1 for four neighbours that are a vector of
 * its buffer, 0 for one element, null for elements that have to be found one by one.
 */
function groupStride({ dims }: Walk, strides: readonly number[], start: number): 0 | 1 | null {
  const last = strides.length - 1;
  if ((dims[last] as number) % 4 !== 0) return null;
  if (strides[last] === 0) return 0;
  const isAligned =
    start % 4 === 0 && strides.every((stride, axis) => axis === last || stride % 4 === 0);
  return strides[last] === 1 && isAligned ? 1 : null;
}

/** An op whose `supports` knows all inputs to be alike; `expression` has them as a, b and c. */
export function elementwise<N extends OpName>(
  expression: string,
  supports: (site: AnySite) => boolean,
): Lowering<N> {
  return {
    supports,
    lower: (site, emit) =>
      emitElementwise(emit, {
        label: site.op,
        operands: site.inputs.map((_, index) => inputOf(site, index)),
        output: outputOf(site),
        expression,
      }),
  };
}
