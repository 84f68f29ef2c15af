import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { LinnetError } from '@linnet/schema';
import { fileErrorReason } from '../file-errors.js';

/** A system error as a LinnetError of code IO that names the file. */
export function ioError(cause: unknown, file: string): LinnetError {
  return new LinnetError('IO', `cannot read: ${fileErrorReason(cause)}`, { file }, [], { cause });
}

/** @throws LinnetError IO */
export async function fileInfo(file: string): Promise<{ size: number; isDirectory: boolean }> {
  try {
    const info = await stat(file);
    return { size: info.size, isDirectory: info.isDirectory() };
  } catch (cause) {
    throw ioError(cause, file);
  }
}

/**
 * The whole of a file.
 *
 * @throws LinnetError IO, or INVALID_ARGUMENT when it is larger than `limit` bytes
 */
export async function readWhole(file: string, limit: number): Promise<Uint8Array> {
  const { size } = await fileInfo(file);
  if (size > limit) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `the file has ${size} bytes; at most ${limit} are read at once`,
      { file },
    );
  }
  try {
    return await readFile(file);
  } catch (cause) {
    throw ioError(cause, file);
  }
}

/** A file that is read in parts; close it by `await using` or in a `finally`. */
export class FileReader {
  private constructor(
    readonly file: string,
    readonly size: number,
    readonly handle: FileHandle,
  ) {}

  /** @throws LinnetError IO */
  static async open(file: string): Promise<FileReader> {
    try {
      const handle = await open(file);
      const { size } = await handle.stat();
      return new FileReader(file, size, handle);
    } catch (cause) {
      throw ioError(cause, file);
    }
  }

  /**
   * `length` bytes from `offset`, fewer only where the file ends.
   *
   * @throws LinnetError IO
   */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const buffer = new Uint8Array(Math.max(0, Math.min(length, this.size - offset)));
    try {
      let filled = 0;
      while (filled < buffer.length) {
        const { bytesRead } = await this.handle.read(
          buffer,
          filled,
          buffer.length - filled,
          offset + filled,
        );
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    } catch (cause) {
      throw ioError(cause, this.file);
    }
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

/** The first bytes of a file, by which its kind is told. */
export async function readHead(file: string, length: number): Promise<Uint8Array> {
  const reader = await FileReader.open(file);
  try {
    return await reader.read(0, length);
  } finally {
    await reader.close();
  }
}
