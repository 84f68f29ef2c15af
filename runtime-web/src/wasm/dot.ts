/** How this machine's dot product of bytes, i32x4.relaxed_dot_i8x16_i7x16_add_s, behaves. */

/**
 * What the second operand of the dot product is taken as. The specification leaves that to the
 * machine where it exceeds 7 bits, and whether sums of pairs are exact; 'none' is a dot product that is
 * exact for neither kind.
 */
export type ByteDot = 'signed' | 'unsigned' | 'none';

/**
 * A module with a memory of one page, which it exports as "m", and a function "f" that replaces the
 * third vector there with what the instruction makes of the first two and it.
 */
const PROBE = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 4, 1, 0x60, 0, 0],
  ...[3, 2, 1, 0],
  ...[5, 3, 1, 0, 1],
  ...[7, 9, 2, 1, 0x6d, 2, 0, 1, 0x66, 0, 0],
  ...[10, 31, 1, 29, 0],
  ...[0x41, 32],
  ...[0x41, 0, 0xfd, 0, 4, 0],
  ...[0x41, 0, 0xfd, 0, 4, 16],
  ...[0x41, 0, 0xfd, 0, 4, 32],
  ...[0xfd, 0x93, 0x02],
  ...[0xfd, 0x0b, 4, 0, 0x0b],
);

/** Pairs of bytes whose products are the largest, and others that tell lanes apart. */
const TRIALS: readonly (readonly [a: number, b: number])[] = [
  [-128, 0xff],
  [127, 0xff],
  [-128, 0x80],
  [127, 0x80],
  [-128, 0x7f],
  [127, 0x7f],
];

/**
 * Tries the instruction on an instance of its own, so that code which an engine compiled wrongly is
 * found out before a kernel relies on it.
 */
export function probeByteDot(): ByteDot {
  if (!WebAssembly.validate(PROBE)) return 'none';
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(PROBE));
  const { m, f } = exports as { m: WebAssembly.Memory; f: () => void } & WebAssembly.Exports;
  const a = new Int8Array(m.buffer, 0, 16);
  const unsigned = new Uint8Array(m.buffer, 16, 16);
  const signed = new Int8Array(m.buffer, 16, 16);
  const sums = new Int32Array(m.buffer, 32, 4);

  const isExact = (b: Int8Array | Uint8Array): boolean => {
    const expected = sums.map((_, lane) => {
      sums[lane] = 1000 * lane - 7;
      const products = [0, 1, 2, 3].map(
        (i) => (a[4 * lane + i] as number) * (b[4 * lane + i] as number),
      );
      return products.reduce((sum, product) => sum + product, sums[lane] as number);
    });
    f();
    return expected.every((sum, lane) => sum === sums[lane]);
  };
  const isExactAlways = (b: Int8Array | Uint8Array) =>
    TRIALS.every(([first, second], trial) => {
      a.fill(first);
      unsigned.fill(second);
      if (!isExact(b)) return false;
      for (let i = 0; i < 16; i++) {
        a[i] = 37 * i + first + trial;
        unsigned[i] = 91 * i + second;
      }
      return isExact(b);
    });
  if (isExactAlways(unsigned)) return 'unsigned';
  return isExactAlways(signed) ? 'signed' : 'none';
}
