/**
 * Einsum as transposes, reshapes and one matrix product.
 *
 * Labels of a product fall into groups: `batch` (in both operands and the result), `rows` (left
 * operand and result), `columns` (right operand and result) and `depth` (both operands, summed).
 * The left operand is brought to [batch..., rows, depth], the right one to [batch..., depth,
 * columns], each group but batch as one dimension.
 */
import { UNKNOWN_DIM } from '@linnet/schema';
import type { TensorId } from '../../../graph/graph.js';
import type { Site, TfImport } from '../site.js';
import { mul, reshape, shapeOf, transpose } from './compose.js';
import { matmul } from './product.js';

/** A tensor and the label of each of its dimensions. */
interface Labelled {
  readonly id: TensorId;
  readonly labels: readonly string[];
}

export const einsum: TfImport = (site) => {
  const { operands, result } = parse(site);
  const sums = operands.map((operand, index) => {
    const others = operands.filter((_, other) => other !== index).flatMap(({ labels }) => labels);
    return sumOut(site, operand, [...result, ...others]);
  });
  const [left, right] = sums as [Labelled, Labelled | undefined];
  if (right === undefined) return arrange(site, left, result).id;
  return arrange(site, product(site, left, right, result), result).id;
};

function product(site: Site, left: Labelled, right: Labelled, result: readonly string[]): Labelled {
  const shared = left.labels.filter((label) => right.labels.includes(label));
  const batch = shared.filter((label) => result.includes(label));
  const depth = shared.filter((label) => !result.includes(label));
  const rows = left.labels.filter((label) => !shared.includes(label));
  const columns = right.labels.filter((label) => !shared.includes(label));

  const sizes = new Map<string, Size>();
  for (const { id, labels } of [left, right]) {
    labels.forEach((label, axis) => {
      const dim = site.type(id).shape[axis]!;
      const known = sizes.get(label);
      if (typeof known !== 'number') sizes.set(label, dim === UNKNOWN_DIM ? { id, axis } : dim);
    });
  }
  // The rows of a product with weights need no flattening: FULLY_CONNECTED keeps them.
  const isWeights = batch.length === 0 && site.type(right.id).data !== null && rows.length > 0;
  const singles = (labels: readonly string[]) => labels.map((label) => [label]);
  const a = arrange(site, left, [...batch, ...rows, ...depth]);
  const b = arrange(site, right, [...batch, ...depth, ...columns]);
  const leftGroups = [...singles(batch), ...(isWeights ? singles(rows) : [rows]), depth];
  const multiplied = matmul(
    site,
    regroup(site, a.id, a.labels, leftGroups, sizes),
    regroup(site, b.id, b.labels, [...singles(batch), depth, columns], sizes),
    false,
    false,
  );
  const labels = [...batch, ...rows, ...columns];
  const flat = [...leftGroups.slice(0, -1), columns];
  const isFlat = flat.every((group) => group.length === 1);
  const id = isFlat ? multiplied : reshapeTo(site, multiplied, singles(labels), sizes);
  return { id, labels };
}

/** A size that is known, or that of a dimension of a tensor. */
type Size = number | { readonly id: TensorId; readonly axis: number };

function regroup(
  site: Site,
  id: TensorId,
  labels: readonly string[],
  groups: readonly (readonly string[])[],
  sizes: ReadonlyMap<string, Size>,
): TensorId {
  const isSame = groups.length === labels.length && groups.every((group) => group.length === 1);
  return isSame ? id : reshapeTo(site, id, groups, sizes);
}

/** Reshapes to one dimension per group, whose size is the product of those of its labels. */
function reshapeTo(
  site: Site,
  id: TensorId,
  groups: readonly (readonly string[])[],
  sizes: ReadonlyMap<string, Size>,
): TensorId {
  const factors = groups.map((group) => group.map((label) => sizes.get(label)!));
  const dims = factors.map((group) =>
    group.reduce<number>((p, size) => (typeof size === 'number' && p >= 0 ? p * size : -1), 1),
  );
  if (dims.filter((dim) => dim === UNKNOWN_DIM).length <= 1) return reshape(site, id, dims);
  const parts = factors.map((group) =>
    group.map((size) => scalarSize(site, size)).reduce((a, b) => mul(site, a, b), site.vector([1])),
  );
  return site.add('RESHAPE', [id, site.add('CONCATENATION', parts, { axis: 0 })]);
}

/** A size as an int32 vector of one element. */
function scalarSize(site: Site, size: Size): TensorId {
  if (typeof size === 'number') return site.vector([size]);
  const { id, axis } = size;
  return site.add('SLICE', [shapeOf(site, id), site.vector([axis]), site.vector([1])]);
}

/** Transposes to the order of `labels`. */
function arrange(site: Site, { id, labels: from }: Labelled, labels: readonly string[]): Labelled {
  return {
    id: transpose(
      site,
      id,
      labels.map((label) => from.indexOf(label)),
    ),
    labels,
  };
}

/** Sums over the labels that nothing else has. */
function sumOut(site: Site, { id, labels }: Labelled, kept: readonly string[]): Labelled {
  const axes = labels.flatMap((label, axis) => (kept.includes(label) ? [] : [axis]));
  if (axes.length === 0) return { id, labels };
  const summed = site.add('SUM', [id, site.vector(axes)], { keepDims: false });
  return { id: summed, labels: labels.filter((_, axis) => !axes.includes(axis)) };
}

/** Labels by operand; an ellipsis stands for labels of its own, aligned at the right. */
function parse(site: Site): {
  readonly operands: readonly Labelled[];
  readonly result: readonly string[];
} {
  const equation = site.attrs.string('equation').replaceAll(' ', '');
  const [inputs = '', output] = equation.split('->');
  const terms = inputs.split(',');
  if (output === undefined || terms.length !== site.inputCount || terms.length > 2) {
    throw site.unsupported(`the equation ${equation} is not supported`);
  }
  const hidden = terms.map((term, index) =>
    term.includes('...') ? site.rank(site.input(index)) - (term.length - 3) : 0,
  );
  const most = Math.max(...hidden);
  const expand = (term: string, count: number) =>
    term.split(/(\.\.\.|.)/).flatMap((part) => {
      if (part !== '...') return part === '' ? [] : [part];
      return Array.from({ length: count }, (_, index) => `.${most - count + index}`);
    });
  const operands = terms.map((term, index) => ({
    id: site.input(index),
    labels: expand(term, hidden[index]!),
  }));
  for (const { id, labels } of operands) {
    if (new Set(labels).size !== labels.length || labels.length !== site.rank(id)) {
      throw site.unsupported(`the equation ${equation} takes a diagonal`);
    }
  }
  return { operands, result: expand(output, most) };
}
