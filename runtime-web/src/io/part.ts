import { LinnetError } from '@linnet/schema/errors';

/**
 * A part of the runtime that is only fetched when something needs it.
 *
 * @param load imports it, by a name that bundlers follow
 * @throws LinnetError of code IO when it cannot be fetched
 */
export async function fetchPart<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LinnetError(
      'IO',
      `A part of the runtime could not be loaded: ${reason}`,
      {},
      [
        'Serve all files of the runtime, or all that a bundler has made of them, beside each other.',
      ],
      { cause },
    );
  }
}
