import { LinnetError } from '@linnet/schema';
import type { TensorValue } from './kernel.js';

/**
 * The resource variables of one model instance. A resource tensor holds a variable's handle: a
 * number given out when its (container, shared name) is first asked for.
 */
export class VariableStore {
  private readonly handles = new Map<string, number>();
  private readonly names: string[] = [];
  private readonly values: (TensorValue | undefined)[] = [];

  handle(container: string, sharedName: string): number {
    const key = JSON.stringify([container, sharedName]);
    const known = this.handles.get(key);
    if (known !== undefined) return known;
    const handle = this.values.push(undefined) - 1;
    this.names.push(sharedName);
    this.handles.set(key, handle);
    return handle;
  }

  /** Throws INVALID_ARGUMENT when the variable has not been assigned yet. */
  read(handle: number): TensorValue {
    const value = this.values[handle];
    if (value === undefined) {
      throw new LinnetError(
        'INVALID_ARGUMENT',
        `Variable ${this.names[handle] ?? handle} is read before anything was assigned to it.`,
        {},
        ['Run the signature that initializes the model first.'],
      );
    }
    return value;
  }

  assign(handle: number, value: TensorValue): void {
    if (this.names[handle] === undefined) {
      throw new LinnetError('INVALID_MODEL', `There is no variable with handle ${handle}.`);
    }
    this.values[handle] = value;
  }
}
