/** Repeated rows and columns become what they are: nearest-neighbour upsampling. */
import { UNKNOWN_DIM } from '@linnet/schema';
import { PatchBuilder } from '../../graph/patch.js';
import { sameShape } from '../../graph/types.js';
import { integers, madeOnlyFor } from '../match.js';
import { defineRule, type Rule } from '../rule.js';
import { reshape } from './movement.js';

/** Every output pixel's centre lies inside the input pixel that it repeats: no rounding matters. */
const NEAREST = { alignCorners: false, halfPixelCenters: true } as const;

const repeatToResize = defineRule({
  name: 'repeat-to-resize',
  rewrite:
    'reshape(tile(x[:, :, 1, :, :], f)) of an image -> resize_nearest_neighbor(x), one side f times',
  roots: ['RESHAPE'],
  apply(graph, node) {
    const output = graph.tensor(node.outputs[0]!);
    const tile = madeOnlyFor(graph, node.inputs[0], 'TILE');
    const multiples = integers(graph, tile?.inputs[1]);
    if (tile === undefined || multiples?.length !== 5 || output.shape.length !== 4) return null;
    const [batch, ...sizes] = output.shape as [number, number, number, number];
    const { shape } = graph.tensor(tile.inputs[0]!);
    // A resize needs known sides, and at least one pixel.
    if (output.dtype !== 'float32' || sizes.some((size) => size < 1)) return null;
    // The repeated dimension has size 1 and stands behind the height (2) or the width (3).
    const at = multiples.findIndex((multiple) => multiple !== 1);
    const image = shape.filter((_, axis) => axis !== at);
    const isOne = multiples.every((multiple, axis) => axis === at || multiple === 1);
    if ((at !== 2 && at !== 3) || !isOne || shape[at] !== 1) return null;
    const repeated = image.map((size, axis) => (axis === at - 1 ? size * multiples[at]! : size));
    if (!sameShape(repeated.slice(1), sizes) || image.slice(1).includes(UNKNOWN_DIM)) return null;
    const patch = new PatchBuilder(graph, node);
    const source = reshape(patch, tile.inputs[0]!, [batch, ...image.slice(1)]);
    const size = patch.ints('size', sizes.slice(0, 2));
    const resized = patch.node('RESIZE_NEAREST_NEIGHBOR', [source, size], NEAREST);
    return patch.replace(output.id, resized).done();
  },
});

const composeResizes = defineRule({
  name: 'compose-resizes',
  rewrite: 'resize(resize(x)), both nearest by whole factors -> one resize(x)',
  roots: ['RESIZE_NEAREST_NEIGHBOR'],
  apply(graph, node) {
    const inner = madeOnlyFor(graph, node.inputs[0], 'RESIZE_NEAREST_NEIGHBOR');
    if (inner === undefined) return null;
    const sizes = [inner.inputs[0]!, node.inputs[0]!, node.outputs[0]!].map((id) =>
      graph.tensor(id).shape.slice(1, 3),
    );
    const isWhole = [0, 1].every((step) =>
      sizes[step]!.every((size, axis) => size > 0 && sizes[step + 1]![axis]! % size === 0),
    );
    const centred = [node, inner].every(
      ({ options }) => options.halfPixelCenters && !options.alignCorners,
    );
    if (!isWhole || !centred) return null;
    const patch = new PatchBuilder(graph, node);
    const inputs = [inner.inputs[0]!, node.inputs[1]!];
    const output = patch.node('RESIZE_NEAREST_NEIGHBOR', inputs, node.options);
    return patch.replace(node.outputs[0]!, output).done();
  },
});

export const RESIZE_RULES: readonly Rule[] = [repeatToResize, composeResizes];
