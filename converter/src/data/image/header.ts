export type ImageKind = 'jpeg' | 'png';

const SIGNATURES: { readonly [K in ImageKind]: readonly number[] } = {
  jpeg: [0xff, 0xd8, 0xff],
  png: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
};

/** What kind of picture the bytes begin like. */
export function imageKind(bytes: Uint8Array): ImageKind | undefined {
  const kinds = Object.keys(SIGNATURES) as ImageKind[];
  return kinds.find((kind) => SIGNATURES[kind].every((byte, i) => bytes[i] === byte));
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The size that the header states, or undefined when there is none. */
export function imageSize(kind: ImageKind, bytes: Uint8Array): Size | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return kind === 'png' ? pngSize(view) : jpegSize(view);
}

/** IHDR comes first. Source: the PNG specification, 5.6 and 11.2.1. */
function pngSize(view: DataView): Size | undefined {
  const ihdr = 0x49484452;
  if (view.byteLength < 24 || view.getUint32(12) !== ihdr) return undefined;
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

/** Walks marker segments up to the frame header. Source: ITU-T T.81, B.1.1 and B.2.2. */
function jpegSize(view: DataView): Size | undefined {
  const [soi, sos] = [0xd8, 0xda];
  for (let at = 0; at + 9 <= view.byteLength; ) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      // Any number of fill bytes may come before a marker.
      at += 1;
    } else if (marker === soi) {
      at += 2;
    } else if (isFrameHeader(marker)) {
      return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    } else if (marker === sos) {
      return undefined;
    } else {
      at += 2 + view.getUint16(at + 2);
    }
  }
  return undefined;
}

/** SOF0 to SOF15, without DHT, JPG and DAC, which lie among them. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

export interface PngChunk {
  readonly type: string;
  /** Type and contents: what the checksum is of. */
  readonly checked: Uint8Array;
  readonly checksum: number;
}

/** The whole chunks of a PNG file. Source: the PNG specification, 5.3. */
export function* pngChunks(bytes: Uint8Array): Generator<PngChunk> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = SIGNATURES.png.length; at + 12 <= bytes.length; ) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > bytes.length) return;
    const checked = bytes.subarray(at + 4, end);
    const type = String.fromCharCode(...checked.subarray(0, 4));
    yield { type, checked, checksum: view.getUint32(end) };
    at = end + 4;
  }
}
