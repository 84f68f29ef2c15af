import { invariant, type TensorType, type TypedArray } from '@linnet/schema';
import { bytesOf, elementsOf, storageBytes } from './storage.js';

/** A tensor whose contents are known before the model runs: a constant, or derived from some. */
export class Known {
  #bytes: Uint8Array | null;
  #elements: TypedArray | undefined;

  /**
   * @param id names the contents among all of the model's constants, or null when they belong to
   * one plan only (they came from a run's inputs or shapes)
   * @param bytes the elements as stored
   */
  constructor(
    readonly id: string | null,
    readonly type: TensorType,
    bytes: Uint8Array,
  ) {
    this.#bytes = bytes;
  }

  static of(id: string | null, type: TensorType, elements: TypedArray): Known {
    return new Known(id, type, bytesOf(elements));
  }

  get bytes(): Uint8Array {
    invariant(this.#bytes !== null, 'The contents of a tensor are read after they were let go.');
    return this.#bytes;
  }

  /** Lets go of the contents, which nobody may ask for any more. */
  release(): void {
    this.#bytes = null;
    this.#elements = undefined;
  }

  get elements(): TypedArray {
    this.#elements ??= elementsOf(this.type.dtype, this.bytes.subarray(0, storageBytes(this.type)));
    return this.#elements;
  }
}
