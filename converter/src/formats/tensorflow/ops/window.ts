import { Padding, UNKNOWN_DIM } from '@linnet/schema';
import type { TensorId } from '../../../graph/graph.js';
import { integerRange, isFloat } from '../../../reference/values.js';
import { FLOAT32_MAX } from '../numbers.js';
import type { Site, TfImport, TfOps } from '../site.js';
import { reshape, transpose } from './compose.js';

/** Where the spatial dimensions are in the layouts that `data_format` may name. */
const LAYOUTS: Readonly<Record<string, { readonly spatial: number; readonly channels: number }>> = {
  NHWC: { spatial: 1, channels: 3 },
  NCHW: { spatial: 2, channels: 1 },
  NDHWC: { spatial: 1, channels: 4 },
  NCDHW: { spatial: 2, channels: 1 },
};

function layoutOf(site: Site, fallback = 'NHWC') {
  const name = site.attrs.string('data_format', fallback);
  const layout = Object.hasOwn(LAYOUTS, name) ? LAYOUTS[name] : undefined;
  if (layout === undefined) throw site.unsupported(`the data format ${name} is not supported`);
  return layout;
}

/** Dimension order that brings channels from position 1 to the end. */
function toLast(rank: number): readonly number[] {
  return [0, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 2), 1];
}

/** Dimension order that brings channels from the end to position 1. */
function fromLast(rank: number): readonly number[] {
  return [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 1)];
}

/** Applies `write` to channels-last data: channels-first data is transposed before and after. */
export function channelsLast(
  site: Site,
  x: TensorId,
  write: (x: TensorId) => TensorId,
  fallback?: string,
): TensorId {
  const { spatial } = layoutOf(site, fallback);
  if (spatial === 1) return write(x);
  const rank = site.rank(x);
  return transpose(site, write(transpose(site, x, toLast(rank))), fromLast(rank));
}

/** The spatial elements of an attribute with one element per dimension. */
function spatialInts(site: Site, name: string, values: readonly number[], fallback?: string) {
  const { spatial, channels } = layoutOf(site, fallback);
  if (values[0] !== 1 || values[channels] !== 1) {
    throw site.unsupported(`${name} over batch or channels is not supported`);
  }
  return values.slice(spatial, spatial + values.length - 2);
}

function spatialAttr(site: Site, name: string, rank = 4, fallback?: string): readonly number[] {
  const values = site.attrs.ints(name, new Array<number>(rank).fill(1));
  return spatialInts(site, name, values.length === 0 ? new Array(rank).fill(1) : values, fallback);
}

/** The padding scheme, and the data with explicit padding written out: zeros, or what `fill` says. */
function padded(
  site: Site,
  x: TensorId,
  fill?: (site: Site, x: TensorId) => number,
): { readonly x: TensorId; readonly padding: Padding } {
  const scheme = site.attrs.string('padding');
  if (scheme === 'SAME') return { x, padding: Padding.SAME };
  if (scheme === 'VALID') return { x, padding: Padding.VALID };
  const amounts = site.attrs.ints('explicit_paddings', []);
  if (scheme !== 'EXPLICIT' || amounts.length !== 2 * site.rank(x)) {
    throw site.unsupported(`the padding ${scheme} ${amounts} is not supported`);
  }
  const { spatial } = layoutOf(site);
  const rows = Array.from({ length: amounts.length / 2 }, (_, axis) => [
    amounts[2 * axis]!,
    amounts[2 * axis + 1]!,
  ]);
  const ordered = spatial === 1 ? rows : toLast(rows.length).map((axis) => rows[axis]!);
  const table = reshape(site, site.vector(ordered.flat()), [rows.length, 2]);
  const widened =
    fill === undefined
      ? site.add('PAD', [x, table])
      : site.add('PADV2', [x, table, site.scalarLike(fill(site, x), x)]);
  return { x: widened, padding: Padding.VALID };
}

/** Strides and dilations of a convolution over height and width. */
function steps(site: Site) {
  const [strideH, strideW] = spatialAttr(site, 'strides') as [number, number];
  const [dilationHFactor, dilationWFactor] = spatialAttr(site, 'dilations') as [number, number];
  return { strideH, strideW, dilationHFactor, dilationWFactor };
}

const conv2D: TfImport = (site) =>
  channelsLast(site, site.input(0), (data) => {
    const filter = site.input(1);
    const [, , depth, count] = site.type(filter).shape as [number, number, number, number];
    const channels = site.type(data).shape[3]!;
    if (depth === 1 && channels > 1) return depthwise(site, data, filter, count / channels);
    const { x, padding } = padded(site, data);
    return site.add('CONV_2D', [x, transpose(site, filter, [3, 0, 1, 2])], {
      padding,
      ...steps(site),
    });
  });

/** `filter` is HWIM or, with groups of one channel each, HW1O: the same elements in order. */
function depthwise(
  site: Site,
  data: TensorId,
  filter: TensorId,
  depthMultiplier: number,
): TensorId {
  const [height, width, depth, multiple] = site.type(filter).shape as [
    number,
    number,
    number,
    number,
  ];
  const { x, padding } = padded(site, data);
  const flat = reshape(site, filter, [1, height, width, depth * multiple]);
  return site.add('DEPTHWISE_CONV_2D', [x, flat], {
    padding,
    depthMultiplier,
    ...steps(site),
  });
}

const depthwiseConv2D: TfImport = (site) =>
  channelsLast(site, site.input(0), (data) => {
    const filter = site.input(1);
    return depthwise(site, data, filter, site.type(filter).shape[3]!);
  });

/** The gradient of a convolution with regard to its input: a transposed convolution. */
const conv2DBackpropInput: TfImport = (site) => {
  const { spatial } = layoutOf(site);
  if (spatialAttr(site, 'dilations').some((dilation) => dilation !== 1)) {
    throw site.unsupported('a dilated transposed convolution has no builtin');
  }
  const scheme = site.attrs.string('padding');
  if (scheme !== 'SAME' && scheme !== 'VALID') {
    throw site.unsupported(`a transposed convolution with padding ${scheme} has no builtin`);
  }
  const [strideH, strideW] = spatialAttr(site, 'strides') as [number, number];
  const size = site.input(0);
  const order = site.vector(toLast(4));
  const shape = spatial === 1 ? size : site.add('GATHER', [size, order], { axis: 0 });
  const filter = transpose(site, site.input(1), [2, 0, 1, 3]);
  return channelsLast(site, site.input(2), (x) =>
    site.add('TRANSPOSE_CONV', [shape, filter, x], {
      padding: scheme === 'SAME' ? Padding.SAME : Padding.VALID,
      strideH,
      strideW,
    }),
  );
};

const conv3D: TfImport = (site) =>
  channelsLast(
    site,
    site.input(0),
    (data) => {
      const { x, padding } = padded(site, data);
      const [strideD, strideH, strideW] = spatialAttr(site, 'strides', 5, 'NDHWC') as [
        number,
        number,
        number,
      ];
      const [dilationDFactor, dilationHFactor, dilationWFactor] = spatialAttr(
        site,
        'dilations',
        5,
        'NDHWC',
      ) as [number, number, number];
      return site.add('CONV_3D', [x, site.input(1)], {
        padding,
        strideD,
        strideH,
        strideW,
        dilationDFactor,
        dilationHFactor,
        dilationWFactor,
      });
    },
    'NDHWC',
  );

/** Pooling; the V2 ops have the window and the strides as inputs instead of attributes. */
function pool(op: 'MAX_POOL_2D' | 'AVERAGE_POOL_2D'): TfImport {
  return (site) => {
    const setting = (name: string, index: number) =>
      site.inputCount > 1
        ? spatialInts(site, name, site.constant(index, name))
        : spatialAttr(site, name);
    const [filterHeight, filterWidth] = setting('ksize', 1) as [number, number];
    const [strideH, strideW] = setting('strides', 2) as [number, number];
    return channelsLast(site, site.input(0), (data) => {
      const { x, padding } = padded(site, data, lowest);
      return site.add(op, [x], { padding, strideH, strideW, filterHeight, filterWidth });
    });
  };
}

/**
 * Pooling over depth, height and width: over height and width first, then over depth. Maxima are
 * separable, and so are means of what lies inside, as the number of elements is a product.
 */
function pool3D(op: 'MAX_POOL_2D' | 'AVERAGE_POOL_2D'): TfImport {
  return (site) =>
    channelsLast(
      site,
      site.input(0),
      (x) => {
        const [windowD, filterHeight, filterWidth] = spatialAttr(site, 'ksize', 5, 'NDHWC');
        const [strideD, strideH, strideW] = spatialAttr(site, 'strides', 5, 'NDHWC');
        const padding = site.attrs.string('padding') === 'SAME' ? Padding.SAME : Padding.VALID;
        const [, depth, height, width, channels] = site.type(x).shape as Shape5D;
        const planes = reshape(site, x, [-1, height, width, channels]);
        const flat = site.add(op, [planes], {
          padding,
          strideH: strideH!,
          strideW: strideW!,
          filterHeight: filterHeight!,
          filterWidth: filterWidth!,
        });
        const [, rows, columns] = site.type(flat).shape as Shape5D;
        const columnsOfDepth = reshape(site, flat, [-1, depth, rows * columns, channels]);
        const pooled = site.add(op, [columnsOfDepth], {
          padding,
          strideH: strideD!,
          strideW: 1,
          filterHeight: windowD!,
          filterWidth: 1,
        });
        return reshape(site, pooled, [-1, site.type(pooled).shape[1]!, rows, columns, channels]);
      },
      'NDHWC',
    );
}

type Shape5D = [number, number, number, number, number];

/** What padding for a maximum holds. */
function lowest(site: Site, x: TensorId): number {
  const { dtype } = site.type(x);
  return isFloat(dtype) ? -FLOAT32_MAX : integerRange(dtype)[0];
}

/** A vector with one element per channel, shaped so that it broadcasts against data of `rank`. */
export function perChannel(site: Site, vector: TensorId, rank: number): TensorId {
  const { channels } = layoutOf(site);
  if (channels !== 1 || rank < 3) return vector;
  const count = site.type(vector).shape[0] ?? UNKNOWN_DIM;
  return reshape(site, vector, [count, ...new Array<number>(rank - 2).fill(1)]);
}

/** Ops that slide a window over the spatial dimensions. */
export const WINDOW: TfOps = {
  Conv2D: conv2D,
  DepthwiseConv2dNative: depthwiseConv2D,
  Conv2DBackpropInput: conv2DBackpropInput,
  Conv3D: conv3D,
  MaxPool: pool('MAX_POOL_2D'),
  MaxPoolV2: pool('MAX_POOL_2D'),
  AvgPool: pool('AVERAGE_POOL_2D'),
  MaxPool3D: pool3D('MAX_POOL_2D'),
  AvgPool3D: pool3D('AVERAGE_POOL_2D'),
};
