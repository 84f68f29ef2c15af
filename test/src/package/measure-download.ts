/** What pages fetch of the runtime, as an app's bundler divides it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { BUILDS, type Build } from '@linnet/runtime-wasm/build';
import { FAMILIES, type FamilyName } from '@linnet/schema';
import { type BundledFile, bundleRuntime } from '../../browser/bundle.mjs';
import { ROOT } from '../support/paths.js';

/** Models by the families of their ops beside the core's, and whether they have integers. */
const MODELS: Readonly<
  Record<string, readonly [families: readonly FamilyName[], integers: boolean]>
> = {
  'classifier of pictures': [['window'], false],
  'quantized classifier': [['window'], true],
  segmentation: [['window', 'movement', 'layout', 'reduction'], false],
  encoder: [['elementwise', 'movement', 'reduction', 'batched'], false],
  recurrent: [['recurrent'], false],
};

/** Bytes, each file with gzip -9 by itself. */
export interface DownloadSizes {
  /** Scripts by model, all that are fetched for a backend. */
  readonly scripts: Readonly<Record<string, { readonly wasm: number; readonly webgpu: number }>>;
  /** The scripts that a page has before it asks for the model. */
  readonly entry: number;
  /** All scripts but WebGPU's, for models of all families, with a build of the kernels. */
  readonly everything: Readonly<Record<Build, number>>;
}

/** The files that a bundler makes of the runtime, in a folder. */
export class Download {
  private constructor(
    readonly folder: string,
    readonly files: Readonly<Record<string, BundledFile>>,
  ) {}

  static async make(folder: string): Promise<Download> {
    const entry = join(ROOT, 'test/browser/load-model.mjs');
    return new Download(folder, await bundleRuntime(folder, entry));
  }

  /** What loading the page's script loads with it, and where `dynamic`, what it may load later. */
  entry(dynamic = false): Set<string> {
    return this.#closure('index.js', dynamic);
  }

  /** What a page fetches for a model with ops of some families, and with integers or without. */
  scripts(families: readonly FamilyName[], integers: boolean, gpu: boolean): Set<string> {
    const parts = integers ? [...families, 'integers'] : families;
    const ops = parts.map((part) => `ops/${part}.js`);
    const modules = ['prepare.js', ...ops];
    if (gpu) modules.push('gpu.js', ...ops.map((module) => `webgpu/${module}`));
    const seen = this.entry();
    for (const [file, { source }] of Object.entries(this.files)) {
      if (source !== null && modules.includes(source)) this.#closure(file, false, seen);
    }
    return seen;
  }

  /** What a page on WASM fetches for models of all families. */
  allScripts(): Set<string> {
    return this.scripts(Object.keys(FAMILIES) as FamilyName[], true, false);
  }

  sizes(): DownloadSizes {
    const scripts = Object.entries(MODELS).map(([model, [families, integers]]) => {
      const size = (gpu: boolean) => this.#bytesOf(this.scripts(families, integers, gpu));
      return [model, { wasm: size(false), webgpu: size(true) }];
    });
    const everything = Object.entries(BUILDS).map(([build, { shared }]) => {
      const threads = shared ? ['worker.js', this.#chunkOf('wasm/threads.js')] : [];
      return [build, this.#bytesOf([...this.allScripts(), ...threads, `wasm/${build}.wasm`])];
    });
    return {
      scripts: Object.fromEntries(scripts),
      entry: this.#bytesOf(this.entry()),
      everything: Object.fromEntries(everything),
    };
  }

  /** The file that is fetched for a module. */
  #chunkOf(module: string): string {
    const found = Object.entries(this.files).find(([, { source }]) => source === module);
    if (found === undefined) throw new Error(`Nothing is fetched for ${module}.`);
    return found[0];
  }

  #closure(script: string, dynamic: boolean, seen = new Set<string>()): Set<string> {
    if (seen.has(script)) return seen;
    seen.add(script);
    const { statically, dynamically } = this.files[script] as BundledFile;
    const next = dynamic ? [...statically, ...dynamically] : statically;
    for (const other of next) this.#closure(other, dynamic, seen);
    return seen;
  }

  #bytesOf(files: Iterable<string>): number {
    const zipped = (file: string) =>
      gzipSync(readFileSync(join(this.folder, file)), { level: 9 }).length;
    return [...files].reduce((sum, file) => sum + zipped(file), 0);
  }
}
