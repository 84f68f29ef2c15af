import type { Browser } from 'playwright';

export function launchBrowser(options?: { readonly webgpu?: boolean }): Promise<Browser>;
