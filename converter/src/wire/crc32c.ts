/**
 * CRC-32C (Castagnoli polynomial, reflected), eight bytes per step ("slicing by 8").
 */
const POLYNOMIAL = 0x82f63b78;

/** TABLES[k * 256 + b]: the CRC of byte b followed by k zero bytes. */
const TABLES = new Uint32Array(8 * 256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  TABLES[byte] = crc;
}
for (let index = 256; index < TABLES.length; index++) {
  const previous = TABLES[index - 256]!;
  TABLES[index] = (previous >>> 8) ^ TABLES[previous & 255]!;
}

/** The CRC-32C of `bytes`; `crc` continues from the checksum of what came before them. */
export function crc32c(bytes: Uint8Array, crc = 0): number {
  const T = TABLES;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let c = ~crc;
  let i = 0;
  for (; i + 8 <= bytes.length; i += 8) {
    const low = view.getUint32(i, true) ^ c;
    const high = view.getUint32(i + 4, true);
    c =
      T[1792 + (low & 255)]! ^
      T[1536 + ((low >>> 8) & 255)]! ^
      T[1280 + ((low >>> 16) & 255)]! ^
      T[1024 + (low >>> 24)]! ^
      T[768 + (high & 255)]! ^
      T[512 + ((high >>> 8) & 255)]! ^
      T[256 + ((high >>> 16) & 255)]! ^
      T[high >>> 24]!;
  }
  for (; i < bytes.length; i++) c = (c >>> 8) ^ T[(c ^ bytes[i]!) & 255]!;
  return ~c >>> 0;
}

/**
 * A CRC as LevelDB tables and tensor bundles store it: rotated and offset, so that checksums of
 * data that holds checksums keep their strength.
 */
export function maskedCrc32c(bytes: Uint8Array): number {
  return mask(crc32c(bytes));
}

/** Masks a CRC for storage. */
export function mask(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
