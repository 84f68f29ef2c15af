import { LinnetError } from '@linnet/schema/errors';

/** Says whether runs of a model may go on. */
export class Guard {
  #isDisposed = false;

  dispose(): void {
    this.#isDisposed = true;
  }

  /** @throws LinnetError of code DISPOSED or ABORTED */
  check(signal?: AbortSignal): void {
    if (this.#isDisposed) throw new LinnetError('DISPOSED', 'The model has been disposed of.');
    if (!signal?.aborted) return;
    throw new LinnetError('ABORTED', 'The run was aborted.', {}, [], { cause: signal.reason });
  }
}
