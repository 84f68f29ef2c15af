import { LinnetError } from '@linnet/schema/errors';
import { disposedError } from '../base.js';

/** Says whether runs of a model may go on. */
export class Guard {
  #isDisposed = false;

  dispose(): void {
    this.#isDisposed = true;
  }

  /** @throws LinnetError of code DISPOSED or ABORTED */
  check(signal?: AbortSignal): void {
    if (this.#isDisposed) throw disposedError();
    if (!signal?.aborted) return;
    throw new LinnetError('ABORTED', 'The run was aborted.', {}, [], { cause: signal.reason });
  }
}
