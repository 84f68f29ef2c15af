// Linnet as it runs in an engine without relaxed SIMD.

/** f32x4.relaxed_madd and the dot product of bytes, by which the runtime tells. */
const RELAXED = [
  [0xfd, 0x85, 0x02],
  [0xfd, 0x93, 0x02],
];

const { validate } = WebAssembly;
WebAssembly.validate = (bytes) =>
  !RELAXED.some((code) => bytes.some((_, at) => code.every((byte, i) => bytes[at + i] === byte))) &&
  validate(bytes);

export { load } from './linnet.js';
