/** A file and those that it imports. */
export interface BundledFile {
  readonly statically: readonly string[];
  readonly dynamically: readonly string[];
}

export function bundleRuntime(folder: string): Promise<Readonly<Record<string, BundledFile>>>;
