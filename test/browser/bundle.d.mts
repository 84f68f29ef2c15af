export function bundleRuntime(folder: string): Promise<void>;
