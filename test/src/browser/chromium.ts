/** The bundled runtime in a page of Chromium, as tests call it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright';
import { compressModel } from '../../../converter/dist/compress.js';
import { bundleRuntime } from '../../browser/bundle.mjs';
import { launchBrowser } from '../../browser/launch.mjs';
import { type Server, serve } from '../../browser/server.mjs';
import { shared } from '../support/paths.js';
import type { linnet } from './page.js';

/** No page of these tests may evaluate strings as code. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self' blob: http://localhost:9",
].join('; ');

type Functions = typeof linnet;
type Name = keyof Functions;

export interface PageOptions {
  readonly isolated: boolean;
  /** Whether it has a WebGPU adapter. */
  readonly webgpu?: boolean;
}

/** A page with the runtime in it; models lie at `models/` and, of ../shared, at `shared/`. */
export class Chromium {
  /** Messages of errors that no code in the page caught, and of the console. */
  readonly errors: string[] = [];
  #files = 0;

  private constructor(
    private readonly folder: string,
    private readonly server: Server,
    private readonly browser: Browser,
    private readonly page: Page,
  ) {}

  static async start({ isolated, webgpu = false }: PageOptions): Promise<Chromium> {
    const folder = mkdtempSync(join(tmpdir(), 'linnet-chromium-'));
    await bundleRuntime(folder);
    await build({
      entryPoints: [fileURLToPath(new URL('page.js', import.meta.url))],
      outfile: join(folder, 'page.js'),
      bundle: true,
      format: 'esm',
      // The page uses the runtime as it was bundled.
      plugins: [
        {
          name: 'runtime',
          setup: ({ onResolve }) =>
            onResolve({ filter: /^@linnet\/runtime-web$/ }, () => ({
              path: './index.js',
              external: true,
            })),
        },
      ],
    });
    writeFileSync(
      join(folder, 'index.html'),
      '<!doctype html><link rel="icon" href="data:,"><script type="module" src="page.js"></script>',
    );
    const server = await serve(
      { '/': folder, '/shared/': shared('') },
      { isolated, headers: { 'content-security-policy': POLICY } },
    );
    const browser = await launchBrowser({ webgpu });
    const page = await browser.newPage();
    const chromium = new Chromium(folder, server, browser, page);
    page.on('pageerror', ({ message }) => chromium.errors.push(message));
    await chromium.reload();
    return chromium;
  }

  /** Opens the page anew. */
  async reload(): Promise<void> {
    await this.page.goto(`${this.server.origin}/index.html`);
    await this.page.waitForFunction('globalThis.linnet !== undefined');
  }

  /** Puts a file where the page finds it; returns its URL. */
  addFile(bytes: Uint8Array): string {
    const name = `${this.#files++}.tflite`;
    writeFileSync(join(this.folder, name), bytes);
    return name;
  }

  /** Puts a model there as `--compress` writes it; returns the manifest's URL. */
  addDownload(bytes: Uint8Array): string {
    const files = compressModel(bytes, `${this.#files++}.tflite`);
    for (const [name, data] of files) writeFileSync(join(this.folder, name), data);
    return [...files.keys()].at(-1)!;
  }

  /** Calls a function of page.ts. */
  call<N extends Name>(
    name: N,
    ...args: Parameters<Functions[N]>
  ): Promise<Awaited<ReturnType<Functions[N]>>> {
    return this.page.evaluate(
      ([key, values]) =>
        (globalThis as never as { linnet: Record<string, (...a: unknown[]) => never> }).linnet[
          key
        ]!(...values),
      [name, args] as [string, unknown[]],
    );
  }

  /** Those of some chunks, by the names of their modules, that the page has fetched. */
  async scriptsOf(modules: readonly string[]): Promise<readonly string[]> {
    const urls = await this.page.evaluate(() =>
      performance.getEntriesByType('resource').map(({ name }) => name),
    );
    return modules.filter((module) => urls.some((url) => url.includes(`/chunks/${module}-`)));
  }

  /** Lets requests for some URLs fail from now on. */
  async withhold(pattern: string): Promise<void> {
    await this.page.route(pattern, (route) => route.abort());
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.server.close();
    rmSync(this.folder, { recursive: true });
  }
}
