import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the checkout; compiled tests lie in test/dist/<folder>. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
export const FIXTURES = join(ROOT, 'test/fixtures');

/** Models and images of others that may lie beside the checkout, for tests that need them. */
const SHARED = join(ROOT, '../shared');

/** A path below ../shared. */
export function shared(path: string): string {
  return join(SHARED, path);
}

/** Test options that skip a test by name where a path of ../shared is absent. */
export function needsShared(path: string): { readonly skip: string | false } {
  return { skip: existsSync(shared(path)) ? false : `needs ../shared/${path}` };
}
