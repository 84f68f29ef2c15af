/**
 * Types of browsers' objects that the public API mentions: `never` in programs that are compiled
 * without them, as Node's are.
 */
type Global<Name extends string> =
  typeof globalThis extends Readonly<Record<Name, { prototype: infer T }>> ? T : never;

export type GpuBuffer = Global<'GPUBuffer'>;
export type GpuDevice = Global<'GPUDevice'>;
export type GpuTexture = Global<'GPUTexture'>;

/** What holds a picture outside the GPU. */
export type OutsidePicture =
  | Global<'ImageBitmap'>
  | Global<'ImageData'>
  | Global<'HTMLImageElement'>
  | Global<'HTMLVideoElement'>
  | Global<'HTMLCanvasElement'>
  | Global<'OffscreenCanvas'>
  | Global<'VideoFrame'>;
