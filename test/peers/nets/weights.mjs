/** Weights from a fixed stream: equal in every format, of a size that keeps activations near 1. */
export function createWeights(seed) {
  let state = seed >>> 0;
  // xorshift32, Marsaglia 2003; two draws make a roughly normal number.
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  return {
    /**
     * @param {number[]} shape
     * @param {number} fanIn inputs that one output sums; the weights' variance is 2 gain^2 / fanIn
     * @param {number} [gain]
     */
    kernel(shape, fanIn, gain = 1) {
      const deviation = gain * Math.sqrt(2 / fanIn);
      const count = shape.reduce((a, b) => a * b, 1);
      return Float32Array.from(
        { length: count },
        () => (uniform() + uniform() + uniform() - 1.5) * 2 * deviation,
      );
    },
    bias(count) {
      return Float32Array.from({ length: count }, () => 0.1 * (uniform() - 0.5));
    },
  };
}
