import type { AffineQuantization } from '@linnet/schema';
import type { TfImport, TfOps } from '../site.js';

const fakeQuant: TfImport = (site) => {
  const [min, max] =
    site.inputCount > 1
      ? [site.constant(1, 'range')[0]!, site.constant(2, 'range')[0]!]
      : [site.attrs.float('min', -6), site.attrs.float('max', 6)];
  return site.add('FAKE_QUANT', [site.input(0)], {
    min,
    max,
    numBits: site.attrs.int('num_bits', 8),
    narrowRange: site.attrs.bool('narrow_range', false),
  });
};

/**
 * One range per slice of the last dimension: quantized to int8 and back, which is the same
 * rounding. The range is moved so that it has an exact zero, as TensorFlow does.
 */
const fakeQuantPerChannel: TfImport = (site) => {
  const bits = site.attrs.int('num_bits', 8);
  if (bits !== 8) throw site.unsupported(`${bits} bits per channel have no builtin`);
  const mins = site.constant(1, 'ranges');
  const maxs = site.constant(2, 'ranges');
  const isNarrow = site.attrs.bool('narrow_range', false);
  const low = isNarrow ? -127 : -128;
  const scale = Float32Array.from(mins, (min, channel) => (maxs[channel]! - min) / (127 - low));
  const zeroPoint = Int32Array.from(mins, (min, channel) =>
    Math.min(127, Math.max(low, Math.round(low - min / scale[channel]!))),
  );
  const x = isNarrow
    ? site.add('MAXIMUM', [
        site.input(0),
        site.vector(
          Array.from(scale, (step, channel) => (low - zeroPoint[channel]!) * step),
          'float32',
        ),
      ])
    : site.input(0);
  const { shape } = site.type(x);
  const quantization: AffineQuantization = {
    kind: 'affine',
    scale,
    zeroPoint,
    axis: shape.length - 1,
  };
  const quantized = site.add(
    'QUANTIZE',
    [x],
    {},
    {
      dtype: 'int8',
      shape,
      quantization,
    },
  );
  const rounded = site.add('DEQUANTIZE', [quantized], {}, { dtype: 'float32', shape });
  // Weights become what they are rounded to: a DEQUANTIZE of constants would stay in the file.
  const known = site.known(rounded);
  return known === undefined ? rounded : site.floats(shape, known);
};

/** Rounding to what quantized values can hold. */
export const QUANTIZE: TfOps = {
  FakeQuantWithMinMaxVars: fakeQuant,
  FakeQuantWithMinMaxArgs: fakeQuant,
  FakeQuantWithMinMaxVarsPerChannel: fakeQuantPerChannel,
};
