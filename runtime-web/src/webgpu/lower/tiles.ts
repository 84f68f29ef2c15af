/** Products of matrices and convolutions as tiles of the output that stay in registers. */
import type { Arithmetic } from '@linnet/runtime-wasm';
import type { Operand } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { type Binding, type Param, type ShaderFault, u32, writes } from '../wgsl/kernel.js';
import type { Width } from '../wgsl/storage.js';
import { LANES, times } from '../wgsl/text.js';

/**
 * Where the elements of input rows lie: a row is made of `taps` runs of `depth` elements, each in one
 * piece. `functions` defines
 *
 *     fn row_at(item: u32, row: u32) -> vec3<i32>             what the runs of a row have in common
 *     fn run_at(row: vec3<i32>, item: u32, tap: u32) -> i32   a run's first unit; -1: all are zero
 *
 * by `params.depth`, too, which counts units: devices without vectors of integers divide and shift one
 * invocation after the other, so that what depends on the loops is never divided. Conditions are joined
 * by `&`: `&&` branches, in the code of each row, which a device's compiler may take a minute for.
 */
export interface Rows {
  readonly operand: Operand;
  readonly taps: number;
  readonly depth: number;
  /** Elements that are loaded together: 4 where runs begin at and have multiples of four. */
  readonly unit: Width;
  /** Whether there are runs of zeros. */
  readonly canMiss: boolean;
  readonly functions: string;
  readonly params: Readonly<Record<string, Param>>;
}

/** How elements are multiplied and added up; expressions are WGSL in terms of the kernel's variables. */
export interface TileArithmetic {
  readonly bindings: Readonly<Record<string, Binding>>;
  readonly params: Readonly<Record<string, Param>>;
  readonly declarations: string;
  readonly kind: Arithmetic;
  /** The type of the sums of four columns. */
  readonly sum: 'vec4<f32>' | 'vec4<i32>';
  /** Units of depth of a step of the innermost loop. */
  readonly step: number;
  /** Sums that products of up to `depth` neighbouring units go into before they join the others; null: none. */
  readonly partial: { readonly type: 'vec4<f16>'; readonly depth: number } | null;
  /** What a step takes of row `number` whose run `run` (-1: zeros) begins at unit `begin`, from unit `k` on. */
  row(run: string, begin: string, number: string): readonly string[];
  /** Statements before all steps; the invocation's columns are those of the four number `four`. */
  readonly start: string;
  /** Statements before the steps of run `tap`; none by default. */
  readonly run?: string;
  /** Statements that load a step's weights. */
  readonly weights: string;
  /** Statements that go to the next step's weights. */
  readonly next: string;
  /** Statements that add a row's products to a sum, which may be a partial one. */
  add(sum: string, row: readonly string[]): string;
  /** Statements that make `result` ready once all is added up; they may call `fault` of kind `faults`. */
  readonly ready: string;
  readonly faults?: ShaderFault;
  /** What is stored for a sum of row `number`. */
  result(sum: string, number: string): string;
}

export interface TiledProduct {
  readonly label: string;
  /** Products of one size, side by side. */
  readonly items: number;
  readonly size: readonly [rows: number, columns: number];
  readonly rows: Rows;
  readonly arithmetic: TileArithmetic;
  readonly output: Operand;
  /** From the first element of an item or of a row to the next's in the output. */
  readonly outputStrides: readonly [item: number, row: number];
  /** An expression for the first element of `item` in the output, where the stride does not tell. */
  readonly outputStart?: string;
}

/** Invocations of a workgroup. */
const INVOCATIONS = 64;

interface Tile {
  /** Rows of an invocation's tile, which is four columns wide. */
  readonly height: number;
  /** Tiles side by side in a workgroup; all others lie below. */
  readonly across: number;
}

/** Tiles that cost more than this many times what the cheapest does are not tried. */
const MOST_COST = 1.5;

/** Tiles that are worth a try, the cheapest first. */
const MOST_TILES = 4;

/**
 * The cost model takes the tiles that compute least beyond the output's edges. What is loaded for a tile's columns
 * costs about as much as six of its rows. Many sums in one invocation leave a GPU room for few of them.
 */
function tileOf(emit: Emitter, [rows, columns]: TiledProduct['size']): Tile {
  if (rows === 1) return { height: 1, across: INVOCATIONS };
  const heights = emit.traits.isSoftware ? [16, 8, 4] : [8, 4];
  const tiles = heights.flatMap((height) =>
    [16, 8, 4].map((across) => ({
      height,
      across,
      name: `${(height * INVOCATIONS) / across}x${4 * across}`,
      cost:
        Math.ceil(columns / 4 / across) *
        Math.ceil((rows * across) / height / INVOCATIONS) *
        (height + 6),
    })),
  );
  const [best, ...others] = tiles.sort((a, b) => a.cost - b.cost) as [Tile & (typeof tiles)[0]];
  const tried = others.filter(({ cost }) => cost <= MOST_COST * best.cost);
  const candidates = [best, ...tried.slice(0, MOST_TILES - 1)];
  const taken = emit.choose({
    decision: 'tile',
    candidates: candidates.map(({ name }) => name),
    preferred: best.name,
  });
  return candidates.find(({ name }) => name === taken) ?? best;
}

/**
 * Emits y[row, column] = the sum over k of x[row, k] * w[k, column], finished, for each item.
 *
 * Neighbouring invocations have the same rows and neighbouring columns. Where the device has subgroups,
 * the four of a quad load a quarter of their rows' elements each and pass them round: loads are what
 * limits the kernel, and workgroup memory would take a barrier at each step.
 */
export function emitTiles(emit: Emitter, product: TiledProduct): void {
  const { label, items, size, rows, arithmetic, output, outputStart, outputStrides } = product;
  const { height, across } = tileOf(emit, size);
  const quads = emit.traits.hasSubgroups && height % 4 === 0;
  const { sum, step, partial } = arithmetic;
  const isWhole = isWholeFours(product);
  const isFull = (size[0] * across) % (height * INVOCATIONS) === 0;
  // What the output is counted in.
  const unit = isWhole ? 4 : 1;
  const loaded = quads
    ? times(height / 4, (at) => `${4 * at}u + quad_lane`)
    : times(height, (at) => `${at}u`);
  const loads = loaded.flatMap((_, at) =>
    arithmetic
      .row(`run${at}`, `begin${at}`, `number${at}`)
      .map((load, part) => `let x${at}_${part} = ${load};`),
  );
  const parts = loads.length / loaded.length;
  const into = partial === null ? 's' : 'p';
  const rowProducts = (m: number) => {
    const name = quads ? `x${Math.floor(m / 4)}` : `x${m}`;
    const own = times(parts, (part) => `${name}_${part}`);
    if (!quads) return arithmetic.add(`${into}${m}`, own);
    const passed = own.map(
      (value, part) => `let a${m}_${part} = quadBroadcast(${value}, ${m % 4}u);`,
    );
    const names = times(parts, (part) => `a${m}_${part}`);
    return [...passed, arithmetic.add(`${into}${m}`, names)].join(' ');
  };
  const steps = `
    ${arithmetic.weights}
    ${loads.join('\n    ')}
    ${times(height, rowProducts).join('\n    ')}
    ${arithmetic.next}`;
  const all = (statement: (m: number) => string) => times(height, statement).join(' ');
  const depths =
    partial === null
      ? `for (var k = 0u; k < params.depth; k += ${step}u) {${steps}
  }`
      : `for (var k = 0u; k < params.depth;) {
    let end = min(k + ${partial.depth}u, params.depth);
    ${all((m) => `var p${m} = ${partial.type}();`)}
    for (; k < end; k += ${step}u) {${steps}
    }
    ${all((m) => `s${m} += ${sum}(p${m});`)}
  }`;
  emit.run({
    label,
    quads,
    halves: partial !== null,
    ...(arithmetic.faults !== undefined && { faults: arithmetic.faults }),
    bindings: {
      ...arithmetic.bindings,
      y: writes(output, unit),
    },
    params: {
      rows: u32(size[0]),
      columns: u32(size[1]),
      fours: u32(Math.ceil(size[1] / 4)),
      depth: u32(rows.depth / rows.unit),
      taps: u32(rows.taps),
      y_item: u32(Math.ceil(outputStrides[0] / unit)),
      y_row: u32(Math.ceil(outputStrides[1] / unit)),
      ...rows.params,
      ...arithmetic.params,
    },
    workgroup: [INVOCATIONS, 1, 1],
    grid: {
      workgroups: [
        Math.ceil(size[1] / 4 / across),
        Math.ceil((size[0] * across) / height / INVOCATIONS),
        items,
      ],
    },
    arithmetic: arithmetic.kind,
    multiplyAdds: items * size[0] * size[1] * rows.depth * rows.taps,
    declarations: `${rows.functions}\n${arithmetic.declarations}`,
    body: `
let own = group.x * ${across}u + lane % ${across}u;
let row = ${height}u * (group.y * ${INVOCATIONS / across}u + lane / ${across}u);
let item = group.z;
// Beyond the edges the last row and columns are computed once more, so that quads stay together.
let four = min(own, params.fours - 1u);
${arithmetic.start}
${loaded.map((number, at) => `let number${at} = min(row + ${number}, params.rows - 1u); let row${at} = row_at(item, number${at});`).join('\n')}
${times(height, (m) => `var s${m} = ${sum}();`).join('\n')}
for (var tap = 0u; tap < params.taps; tap++) {
  ${loaded.map((_, at) => `let run${at} = run_at(row${at}, item, tap); let begin${at} = u32(max(run${at}, 0));`).join('\n  ')}
  ${arithmetic.run ?? ''}
  ${depths}
}
if (own > four) { return; }
${arithmetic.ready}
var to = ${outputStart === undefined ? 'item * params.y_item' : `(${outputStart}) / ${unit}u`} + row * params.y_row + four * ${4 / unit}u;
${times(height, (m) => rowStore(m, arithmetic.result(`s${m}`, `(row + ${m}u)`), isWhole, isFull)).join('\n')}`,
  });
}

/** Whether the output's rows are whole fours, or there is one row whose last four may reach past it. */
export function isWholeFours({
  size: [rows, columns],
  items,
  outputStrides,
}: Pick<TiledProduct, 'size' | 'items' | 'outputStrides'>): boolean {
  if (rows * items === 1) return true;
  return [columns, ...outputStrides].every((extent) => extent % 4 === 0);
}

function rowStore(m: number, result: string, isWhole: boolean, isFull: boolean): string {
  const store = isWhole
    ? 'y_store(to, v);'
    : LANES.map(
        (lane, j) => `if (4u * four + ${j}u < params.columns) { y_store(to + ${j}u, v.${lane}); }`,
      ).join(' ');
  const inside = isFull ? '' : `if (row + ${m}u < params.rows) `;
  return `${inside}{ let v = ${result}; ${store} } to += params.y_row;`;
}
