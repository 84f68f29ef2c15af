import { invariant, type TensorType, type TypedArray } from '@linnet/schema';
import type { Blocks, KnownBlocks } from './blocks.js';
import { bytesOf, elementsOf, storageBytes } from './storage.js';

/** A tensor whose contents are known before the model runs: a constant, or derived from some. */
export class Known {
  #bytes: Uint8Array | null;
  #blocks: KnownBlocks | null;
  #elements: TypedArray | undefined;

  /**
   * @param id names the contents among all of the model's constants, or null when they belong to
   * one plan only (they came from a run's inputs or shapes)
   * @param contents the elements as stored, or blocks that stand for float32
   */
  constructor(
    readonly id: string | null,
    readonly type: TensorType,
    contents: Uint8Array | KnownBlocks,
  ) {
    const isStored = contents instanceof Uint8Array;
    this.#bytes = isStored ? contents : null;
    this.#blocks = isStored ? null : contents;
  }

  static of(id: string | null, type: TensorType, elements: TypedArray): Known {
    return new Known(id, type, bytesOf(elements));
  }

  /** What float32 weights were quantized to; null where they were not, in blocks. */
  get blocks(): Blocks | null {
    return this.#blocks?.blocks ?? null;
  }

  /** Bytes that the contents take as they are kept. */
  get size(): number {
    const { packed, scales } = this.blocks ?? {};
    return packed && scales ? packed.length + scales.byteLength : this.bytes.length;
  }

  get bytes(): Uint8Array {
    this.#bytes ??= this.#blocks && bytesOf(this.#blocks.expand());
    invariant(this.#bytes !== null, 'The contents of a tensor are read after they were let go.');
    return this.#bytes;
  }

  /** Lets go of the contents, which nobody may ask for any more. */
  release(): void {
    this.#bytes = null;
    this.#blocks = null;
    this.#elements = undefined;
  }

  get elements(): TypedArray {
    this.#elements ??= elementsOf(this.type.dtype, this.bytes.subarray(0, storageBytes(this.type)));
    return this.#elements;
  }
}
