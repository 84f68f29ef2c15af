import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { crc32 } from 'node:zlib';
import { init as initJpeg, default as jpeg } from '@jsquash/jpeg/decode.js';
import { init as initPng, decode as png } from '@jsquash/png/decode.js';
import { LinnetError } from '@linnet/schema';
import { type ImageKind, imageKind, imageSize, pngChunks } from './header.js';

/** A picture: rows of RGBA pixels of 0 to 255, alpha not multiplied in. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

/** 33 megapixels: 134 MB once decoded. */
const MAX_PIXELS = 2 ** 25;

/**
 * Decodes a JPEG or PNG picture. The codecs are libjpeg (mozjpeg) and the Rust png crate compiled to
 * WebAssembly, so the pixels are the same on every machine, and those of a JPEG the same as
 * tf.io.decode_jpeg's with INTEGER_ACCURATE. Orientation tags and colour profiles are ignored.
 *
 * @throws LinnetError INVALID_ARGUMENT when the bytes are no such picture, are damaged or cut off, or
 *   the picture is too large
 */
export async function decodePicture(bytes: Uint8Array): Promise<Picture> {
  const kind = imageKind(bytes);
  const size = kind === undefined ? undefined : imageSize(kind, bytes);
  if (kind === undefined || size === undefined) {
    throw invalid('it is neither a JPEG nor a PNG picture');
  }
  const { width, height } = size;
  if (width === 0 || height === 0 || width * height > MAX_PIXELS) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `the picture has ${width} x ${height} pixels; at most ${MAX_PIXELS} are read`,
      {},
      ['Make it smaller; models look at a few hundred pixels a side.'],
    );
  }
  return DECODERS[kind](bytes);
}

const DECODERS: { readonly [K in ImageKind]: (bytes: Uint8Array) => Promise<Picture> } = {
  jpeg: decodeJpeg,
  png: decodePng,
};

function invalid(message: string, cause?: unknown): LinnetError {
  return new LinnetError('INVALID_ARGUMENT', message, {}, [], { cause });
}

/** Decodings follow one another, so that libjpeg's complaints are known to be of the last one. */
let lastJpeg: Promise<unknown> = Promise.resolve();
const complaints: string[] = [];
let isJpegReady = false;

function decodeJpeg(bytes: Uint8Array): Promise<Picture> {
  const picture = lastJpeg.then(async () => {
    if (!isJpegReady) {
      const wasmBinary = await codec('@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm');
      await initJpeg({ wasmBinary, printErr: (line: string) => complaints.push(line) } as never);
      isJpegReady = true;
    }
    complaints.length = 0;
    try {
      const decoded: Picture = await jpeg(exactBuffer(bytes));
      if (complaints.length === 0) return decoded;
    } catch (cause) {
      // An instance that gave up is in an unknown state.
      isJpegReady = false;
      throw invalid(`the picture is damaged: ${complaints.join('; ') || 'it is no JPEG'}`, cause);
    }
    throw invalid(`the picture is damaged: ${complaints.join('; ')}`);
  });
  lastJpeg = picture.catch(() => {});
  return picture;
}

let pngReady: Promise<unknown> | undefined;

async function decodePng(bytes: Uint8Array): Promise<Picture> {
  // The decoder does not look at checksums.
  for (const { type, checked, checksum } of pngChunks(bytes)) {
    if (crc32(checked) !== checksum) throw invalid(`the picture is damaged in its ${type} chunk`);
  }
  pngReady ??= codec('@jsquash/png/codec/pkg/squoosh_png_bg.wasm').then(initPng);
  await pngReady;
  try {
    return (await png(exactBuffer(bytes))) as Picture;
  } catch (cause) {
    throw invalid('the picture is damaged: its pixels cannot be unpacked', cause);
  }
}

const { resolve } = createRequire(import.meta.url);

async function codec(file: string): Promise<ArrayBuffer> {
  return exactBuffer(await readFile(resolve(file)));
}

function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer;
}
