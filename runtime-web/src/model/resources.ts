import type { TensorType } from '@linnet/schema';

/** The contents of a resource variable; replaced as a whole by each assignment. */
export interface VariableValue {
  readonly type: TensorType;
  readonly bytes: Uint8Array;
}

/**
 * The resource variables of one model instance, and which of its initializers have run. Tensors
 * of dtype `resource` hold the handles.
 */
export class Resources {
  readonly #handles = new Map<string, number>();
  readonly #values = new Map<number, VariableValue>();
  readonly #initialized = new Set<number>();

  /** The handle of a variable; the same for the same container and name. */
  handle(container: unknown, sharedName: unknown): number {
    const key = JSON.stringify([String(container ?? ''), String(sharedName ?? '')]);
    const known = this.#handles.get(key);
    if (known !== undefined) return known;
    const handle = this.#handles.size;
    this.#handles.set(key, handle);
    return handle;
  }

  get(handle: number): VariableValue | undefined {
    return this.#values.get(handle);
  }

  set(handle: number, value: VariableValue): void {
    this.#values.set(handle, value);
  }

  /** True the first time that it is asked for a subgraph since the last reset. */
  startOnce(subgraph: number): boolean {
    if (this.#initialized.has(subgraph)) return false;
    this.#initialized.add(subgraph);
    return true;
  }

  get holdsStrings(): boolean {
    return [...this.#values.values()].some(({ type }) => type.dtype === 'string');
  }

  /** Whether a run has assigned or initialized something since the last reset. */
  get isUsed(): boolean {
    return this.#values.size > 0 || this.#initialized.size > 0;
  }

  reset(): void {
    this.#values.clear();
    this.#initialized.clear();
  }
}
