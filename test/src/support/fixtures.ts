/** The models of test/fixtures with TensorFlow's answers; see the README there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Conversion, type ConvertOptions, convert } from '@linnet/converter';
import { type NamedArray, readNpz } from '../../../converter/dist/data/npy.js';
import { FIXTURES } from './paths.js';

export interface Fixture {
  /** `path`, with the signature where a model has several. */
  readonly name: string;
  /** The model, relative to test/fixtures. */
  readonly path: string;
  /** null where the model has one entry point without a name. */
  readonly signature: string | null;
  readonly cases: string;
  /** A class of the manifest's tolerances. */
  readonly tolerance: string;
  /** For models that classify digits. */
  readonly accuracy?: { readonly output: string; readonly tensorflow: number };
}

interface Manifest {
  readonly digits: { readonly file: string; readonly images: string; readonly labels: string };
  readonly tolerance: Readonly<Record<string, number>>;
  readonly fixtures: readonly Fixture[];
}

const manifest = JSON.parse(readFileSync(join(FIXTURES, 'manifest.json'), 'utf8')) as Manifest;

export const fixtures = manifest.fixtures;

/** Every model once, with its entries in the manifest. */
export const models: readonly (readonly [path: string, entries: readonly Fixture[]])[] = [
  ...new Set(fixtures.map(({ path }) => path)),
].map((path) => [path, fixtures.filter((fixture) => fixture.path === path)]);

export function fixturePath(path: string): string {
  return join(FIXTURES, path);
}

/** Models that state another batch than the recorded one: the shapes that convert is told instead. */
const INPUT_SHAPES: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
  'subclassed/save': { inputs: [-1, 8, 8, 1] },
};

/** Converts a model so that it takes the recorded inputs. */
export function convertFixture(path: string, options: ConvertOptions = {}): Promise<Conversion> {
  return convert(fixturePath(path), { ...options, inputShapes: INPUT_SHAPES[path] ?? {} });
}

/** Inputs and TensorFlow's outputs, by the names of the signature. */
export interface RecordedCase {
  readonly inputs: Readonly<Record<string, NamedArray>>;
  readonly outputs: Readonly<Record<string, NamedArray>>;
}

export function recordedCase({ cases }: Fixture): RecordedCase {
  const arrays = readArrays(cases);
  const below = (prefix: string) =>
    Object.fromEntries(
      arrays
        .filter(({ name }) => name.startsWith(prefix))
        .map((array) => [array.name.slice(prefix.length), array]),
    );
  return { inputs: below('input/'), outputs: below('output/') };
}

/** Largest error allowed, relative to the largest magnitude of an output. */
export function toleranceOf({ tolerance }: Fixture): number {
  const limit = manifest.tolerance[tolerance];
  if (limit === undefined) throw new Error(`the manifest has no tolerance ${tolerance}`);
  return limit;
}

export interface Digits {
  /** Pixels of 0 to 1, shape [n, 8, 8, 1]. */
  readonly images: NamedArray;
  readonly labels: readonly number[];
}

/** The test images that accuracies are measured on. */
export function digits(): Digits {
  const { file, images, labels } = manifest.digits;
  const arrays = readArrays(file);
  const find = (name: string) => arrays.find((array) => array.name === name) as NamedArray;
  return { images: find(images), labels: Array.from(find(labels).data, Number) };
}

function readArrays(file: string): readonly NamedArray[] {
  return readNpz(readFileSync(join(FIXTURES, file)), file);
}
