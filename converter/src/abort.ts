import { LinnetError } from '@linnet/schema';

/** @throws LinnetError ABORTED once the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new LinnetError('ABORTED', 'the caller cancelled the operation', {}, [], {
      cause: signal.reason,
    });
  }
}
