/** What kind of thing went wrong. Stable: callers switch on it. */
export type ErrorCode =
  /** The bytes are not a valid model of the format they claim to be. */
  | 'INVALID_MODEL'
  /** No reader recognizes the bytes. */
  | 'UNKNOWN_FORMAT'
  /** The model needs an op, option or dtype that this version does not support. */
  | 'UNSUPPORTED'
  /** The caller passed a wrong argument, input name, shape or dtype. */
  | 'INVALID_ARGUMENT'
  /** Reading or writing a file, a URL or a stream failed. */
  | 'IO'
  /** The caller's AbortSignal fired. */
  | 'ABORTED'
  /** The GPU went away in the middle of something that cannot be done again. */
  | 'DEVICE_LOST'
  /** Numbers became too large for float16 in the middle of something that cannot be done again. */
  | 'OUT_OF_RANGE'
  /** The model does not fit into the memory that can be had. */
  | 'OUT_OF_MEMORY'
  /** The object was used after dispose(). */
  | 'DISPOSED'
  /** The environment lacks something that is needed (WebAssembly SIMD, for example). */
  | 'ENVIRONMENT'
  /** A defect in Linnet itself. */
  | 'INTERNAL';

/** The place an error speaks of; every part is optional. */
export interface ErrorLocation {
  readonly file?: string;
  readonly subgraph?: string;
  readonly node?: string;
  readonly op?: string;
  readonly tensor?: string;
}

/**
 * The only error type that Linnet's public functions throw.
 *
 * `message` says what was found and what was expected; `notes` say what to do about it or list
 * the details, one line each.
 */
export class LinnetError extends Error {
  override readonly name = 'LinnetError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly where: ErrorLocation = {},
    readonly notes: readonly string[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** The same error with a more precise address; parts already known are kept. */
  at(where: ErrorLocation): LinnetError {
    return new LinnetError(this.code, this.message, { ...where, ...this.where }, this.notes, {
      cause: this.cause,
    });
  }

  /** Message, address and notes as indented lines, for a terminal or a log. */
  format(): string {
    const address = (['file', 'subgraph', 'node', 'op', 'tensor'] as const)
      .filter((key) => this.where[key] !== undefined)
      .map((key) => `${key} ${this.where[key]}`);
    const lines = [this.message];
    if (address.length > 0) lines.push(`  in ${address.join(', ')}`);
    for (const note of this.notes) lines.push(`  ${note}`);
    return lines.join('\n');
  }
}

/** Throws an INTERNAL error when an invariant of Linnet's own code does not hold. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) {
    throw new LinnetError('INTERNAL', message, {}, [
      'This is a defect in Linnet; please report it.',
    ]);
  }
}
