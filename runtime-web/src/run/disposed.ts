import { LinnetError } from '@linnet/schema/errors';

/** The error for what is asked of a model after it has been disposed of. */
export function disposedError(): LinnetError {
  return new LinnetError('DISPOSED', 'The model has been disposed of.');
}
