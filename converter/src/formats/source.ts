import { LinnetError } from '@linnet/schema';

/**
 * Where a model's bytes come from: one file, or a directory of files. Node's implementation is in
 * node-source.ts; a browser can feed one from File objects.
 */
export interface Source {
  /** What messages call it, for example the path that the user gave. */
  readonly name: string;
  /**
   * The file that the caller named, when it named one rather than a directory. Formats that keep
   * a model in several files find the others beside it.
   */
  readonly main: string | null;
  /** Names of all files, relative to the root, parts separated by `/`. */
  list(): Promise<readonly string[]>;
  /** Size of a file in bytes. */
  size(name: string): Promise<number>;
  /**
   * `length` bytes (all by default) from `offset`; fewer only where the file ends.
   *
   * @throws LinnetError IO when there is no such file or reading fails.
   */
  read(name: string, offset?: number, length?: number): Promise<Uint8Array>;
}

/** A source of one file that is already in memory. */
export function bytesSource(name: string, bytes: Uint8Array): Source {
  return filesSource(name, { [name]: bytes }, name);
}

/** A source of files in memory, by name. */
export function filesSource(
  name: string,
  files: Readonly<Record<string, Uint8Array>>,
  main: string | null = null,
): Source {
  const find = (file: string): Uint8Array => {
    const bytes = Object.hasOwn(files, file) ? files[file] : undefined;
    if (bytes === undefined) throw new LinnetError('IO', `${name} has no file ${file}`, { file });
    return bytes;
  };
  return {
    name,
    main,
    list: async () => Object.keys(files),
    size: async (file) => find(file).byteLength,
    read: async (file, offset = 0, length = Number.POSITIVE_INFINITY) =>
      find(file).subarray(offset, Math.min(find(file).byteLength, offset + length)),
  };
}
