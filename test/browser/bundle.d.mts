/** A file and those that it imports. */
export interface BundledFile {
  /** The module that it is fetched for, e.g. ops/window.js; null for what others share. */
  readonly source: string | null;
  readonly statically: readonly string[];
  readonly dynamically: readonly string[];
}

export function bundleRuntime(
  folder: string,
  entry?: string,
): Promise<Readonly<Record<string, BundledFile>>>;
