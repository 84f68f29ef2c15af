/** What a manifest begins with, so that no model file is taken for one. */
export const DOWNLOAD_FORMAT = 'linnet-download-1';

/** Whether a file that begins so (64 characters or more) is a manifest. */
export function isManifest(start: string): boolean {
  return start.startsWith('{') && start.includes(DOWNLOAD_FORMAT);
}
