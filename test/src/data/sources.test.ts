import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { type LinnetError, type NamedArray, readNpz, writeNpy } from '@linnet/converter';
import { zipSync } from 'fflate';
import { openDataset, parsePreprocess, type Sample } from '../../../converter/dist/data/index.js';
import type { TensorInfo } from '../../../converter/dist/entry-point.js';
import { fixturePath } from '../support/fixtures.js';
import { temporaryFolder } from '../support/temporary.js';

const digits = readNpz(readFileSync(fixturePath('data/digits.npz')), 'digits.npz');
const images = digits.find(({ name }) => name === 'image') as NamedArray;
const COUNT = 6;
const pixels = images.data as Float32Array;

const IMAGE: TensorInfo = { name: 'image', dtype: 'float32', shape: [-1, 8, 8, 1] };

async function samplesOf(
  path: string,
  inputs: readonly TensorInfo[] = [IMAGE],
  preprocess?: string,
): Promise<Sample[]> {
  const parsed = preprocess === undefined ? undefined : parsePreprocess(preprocess);
  const samples: Sample[] = [];
  for await (const sample of await openDataset(path, inputs, parsed)) samples.push(sample);
  return samples;
}

function assertDigits(samples: readonly Sample[], name = 'image'): void {
  assert.equal(samples.length, COUNT);
  samples.forEach((sample, i) => {
    const value = sample[name];
    assert.deepEqual(value?.shape, [1, 8, 8, 1]);
    assert.deepEqual(value?.data, pixels.slice(i * 64, (i + 1) * 64));
  });
}

/** Writes a file into a new folder and gives its path. */
function file(
  context: { after(remove: () => void): void },
  name: string,
  content: Uint8Array | string,
): string {
  const path = join(temporaryFolder(context), name);
  writeFileSync(path, content);
  return path;
}

const float = (shape: readonly number[], data: Float32Array) => ({
  dtype: 'float32' as const,
  shape,
  data,
});

suite('npz', () => {
  test('arrays by name, others left out', async () => {
    assertDigits(await samplesOf(fixturePath('data/digits.npz')));
  });

  test('its only array, whatever the input is called', async () => {
    const input = { ...IMAGE, name: 'inputs' };
    const samples = await samplesOf(fixturePath('calibration.npz'), [input]);
    assert.equal(samples.length, 200);
    assert.deepEqual(samples[7]?.inputs?.shape, [1, 8, 8, 1]);
  });

  test('several inputs', async () => {
    const label: TensorInfo = { name: 'label', dtype: 'int32', shape: [-1] };
    const samples = await samplesOf(fixturePath('data/digits.npz'), [IMAGE, label]);
    assertDigits(samples);
    const labels = samples.map((sample) => Number(sample.label?.data[0]));
    const recorded = digits.find(({ name }) => name === 'label') as NamedArray;
    assert.deepEqual(labels, Array.from(recorded.data, Number));
    assert.deepEqual(samples[0]?.label?.shape, [1]);
  });

  test('refuses a missing array, different counts and no archive', async (t) => {
    const other = { ...IMAGE, name: 'other' };
    await assert.rejects(samplesOf(fixturePath('data/digits.npz'), [other]), {
      code: 'INVALID_ARGUMENT',
      message: /no array for input other/,
    });
    const uneven = zipSync({
      'a.npy': writeNpy(float([2, 1], new Float32Array(2))),
      'b.npy': writeNpy(float([3, 1], new Float32Array(3))),
    });
    const inputs = ['a', 'b'].map((name) => ({ ...IMAGE, name, shape: [-1, 1] }));
    await assert.rejects(samplesOf(file(t, 'x.npz', uneven), inputs), /differ in their number/);
    const cut = uneven.subarray(0, uneven.length / 2);
    await assert.rejects(samplesOf(file(t, 'x.npz', cut), inputs), { code: 'INVALID_ARGUMENT' });
  });
});

suite('npy', () => {
  test('slices of the first dimension', async (t) => {
    assertDigits(await samplesOf(file(t, 'x.npy', writeNpy(images))));
  });

  test('with a dimension of one for the batch', async (t) => {
    const array = { ...images, shape: [COUNT, 1, 8, 8, 1] };
    assertDigits(await samplesOf(file(t, 'x.npy', writeNpy(array))));
  });

  test('joined to the batch that the model fixes', async (t) => {
    const input = { ...IMAGE, shape: [4, 8, 8, 1] };
    const [only, ...more] = await samplesOf(file(t, 'x.npy', writeNpy(images)), [input]);
    assert.equal(more.length, 0);
    assert.deepEqual(only?.image?.shape, [4, 8, 8, 1]);
    assert.deepEqual(only?.image?.data, pixels.slice(0, 256));
  });

  test('more than one block of the file', async (t) => {
    const data = Float32Array.from({ length: 600_000 }, (_, i) => i);
    const path = file(t, 'x.npy', writeNpy(float([200_000, 3], data)));
    const input = { name: 'x', dtype: 'float32', shape: [-1, 3] } as const;
    let next = 0;
    for await (const { x } of await openDataset(path, [input])) {
      assert.deepEqual(Array.from(x?.data as Float32Array), [next, next + 1, next + 2]);
      next += 3;
    }
    assert.equal(next, 600_000);
  });

  test('bytes become the floats that an input takes', async (t) => {
    const array = { dtype: 'uint8', shape: [1, 2], data: Uint8Array.of(3, 255) } as const;
    const input = { name: 'x', dtype: 'float32', shape: [-1, 2] } as const;
    const [sample] = await samplesOf(file(t, 'x.npy', writeNpy(array)), [input]);
    assert.deepEqual(sample?.x?.data, Float32Array.of(3, 255));
  });

  const wrong: readonly (readonly [string, Parameters<typeof writeNpy>[0], RegExp])[] = [
    ['another shape', float([2, 3], new Float32Array(6)), /sample 0: has shape \[1,3\].*8,8,1/],
    ['no samples', float([0, 8, 8, 1], new Float32Array()), /no samples/],
    ['no dimensions', float([], new Float32Array(1)), /no dimensions/],
    [
      'a NaN',
      float([2, 8, 8, 1], new Float32Array(128).fill(Number.NaN, 100, 101)),
      /sample 1: element 36 is NaN/,
    ],
    [
      'an infinity',
      { dtype: 'float64', shape: [1, 8, 8, 1], data: new Float64Array(64).fill(-1 / 0) },
      /sample 0: element 0 is -Infinity/,
    ],
  ];
  for (const [what, array, message] of wrong) {
    test(`refuses ${what}`, async (t) => {
      const path = file(t, 'x.npy', writeNpy(array));
      await assert.rejects(samplesOf(path), {
        code: 'INVALID_ARGUMENT',
        message,
        where: { file: path },
      });
    });
  }

  test('refuses fractions where integers are taken, and several inputs', async (t) => {
    const path = file(t, 'x.npy', writeNpy(float([1, 1], Float32Array.of(0.5))));
    const input = { name: 'x', dtype: 'int32', shape: [-1, 1] } as const;
    await assert.rejects(samplesOf(path, [input]), /holds float32 numbers, but x takes int32/);
    await assert.rejects(samplesOf(path, [input, IMAGE]), /one array, but the model has 2 inputs/);
  });

  test('refuses a file that is cut off or too long', async (t) => {
    const bytes = writeNpy(images);
    for (const damaged of [bytes.subarray(0, -4), Buffer.concat([bytes, Buffer.alloc(8)])]) {
      await assert.rejects(samplesOf(file(t, 'x.npy', damaged)), /promises 1536 bytes/);
    }
  });
});

suite('TFRecord', () => {
  const path = fixturePath('data/digits.tfrecord');

  test('lists of numbers', async () => assertDigits(await samplesOf(path)));

  test('the bytes of a tensor', async () => {
    assertDigits(await samplesOf(path, [{ ...IMAGE, name: 'raw' }]), 'raw');
  });

  test('integers, also for an input of floats', async () => {
    for (const dtype of ['int32', 'int64', 'float32'] as const) {
      const samples = await samplesOf(path, [{ name: 'label', dtype, shape: [-1, 1] }]);
      const recorded = digits.find(({ name }) => name === 'label') as NamedArray;
      assert.deepEqual(
        samples.map(({ label }) => Number(label?.data[0])),
        Array.from(recorded.data, Number),
      );
      assert.equal(samples[0]?.label?.dtype, dtype);
    }
  });

  test('pictures', async () => {
    const samples = await samplesOf(path, [{ ...IMAGE, name: 'picture' }], 'scale:1/255');
    samples.forEach(({ picture }, i) => {
      const data = picture?.data as Float32Array;
      data.forEach((value, j) => {
        assert.ok(Math.abs(value - (pixels[i * 64 + j] as number)) <= 1 / 255 + 1e-6);
      });
    });
  });

  test('the only feature that fits an input of another name', async () => {
    const scalar: TensorInfo = { name: 'class', dtype: 'int64', shape: [-1] };
    assert.equal((await samplesOf(path, [scalar])).length, COUNT);
    const wanted = { ...IMAGE, name: 'pixels' };
    await assert.rejects(samplesOf(path, [wanted]), (error: LinnetError) => {
      assert.match(error.message, /sample 0: there is no feature pixels/);
      assert.match(error.format(), /Any of image, picture, raw could be the input/);
      return true;
    });
  });

  test('a folder of files, in the order of their names', async (t) => {
    const folder = temporaryFolder(t);
    for (const shard of ['b-1', 'a-0']) copyFileSync(path, join(folder, shard));
    assert.equal((await samplesOf(folder)).length, 2 * COUNT);
  });

  test('refuses a record of which a bit is wrong, and one that is cut off', async (t) => {
    const bytes = readFileSync(path);
    const record = 12 + Number(bytes.readBigUInt64LE(0)) + 4;
    const flipped = Buffer.from(bytes);
    flipped[record + 40] = (flipped[record + 40] as number) ^ 1;
    await assert.rejects(samplesOf(file(t, 'x', flipped)), /sample 1: .*checksum/);
    const header = Buffer.from(bytes);
    header[record + 1] = (header[record + 1] as number) ^ 1;
    await assert.rejects(samplesOf(file(t, 'x', header)), /sample 1: .*damaged header/);
    await assert.rejects(samplesOf(file(t, 'x', bytes.subarray(0, -5))), /sample 5: .*cut off/);
  });
});

suite('CSV', () => {
  test('columns named after an input, others left out', async () => {
    assertDigits(await samplesOf(fixturePath('data/digits.csv')));
  });

  const two: readonly TensorInfo[] = [
    { name: 'a', dtype: 'float32', shape: [-1, 1] },
    { name: 'b', dtype: 'int64', shape: [-1, 2] },
  ];

  test('several inputs, a byte order mark, quotes, empty lines and no last line end', async (t) => {
    const path = file(t, 'x.csv', '\ufeffb[1],a,"b[0]"\r\n2,0.5,1\r\n\r\n"4", -1e3 ,3');
    assert.deepEqual(await samplesOf(path, two), [
      {
        a: { dtype: 'float32', shape: [1, 1], data: Float32Array.of(0.5) },
        b: { dtype: 'int64', shape: [1, 2], data: BigInt64Array.of(1n, 2n) },
      },
      {
        a: { dtype: 'float32', shape: [1, 1], data: Float32Array.of(-1000) },
        b: { dtype: 'int64', shape: [1, 2], data: BigInt64Array.of(3n, 4n) },
      },
    ]);
  });

  test('rows of numbers without a header', async (t) => {
    const input: TensorInfo = { name: 'x', dtype: 'float32', shape: [-1, 3] };
    const samples = await samplesOf(file(t, 'x.csv', '1,2,3\n4,5,6\n'), [input]);
    assert.deepEqual(
      samples.map(({ x }) => Array.from(x?.data as Float32Array)),
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    );
  });

  const input: TensorInfo = { name: 'x', dtype: 'float32', shape: [-1, 3] };
  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ['a cell that is no number', '1,2,3\n4,five,6\n', /sample 1, line 2: column 2 holds "five"/],
    ['an empty cell', '1,2,3\n4,,6\n', /column 2 holds ""/],
    ['a row of another length', '1,2,3\n4,5\n', /sample 1, line 2: has shape \[2\]/],
    ['an infinity', '1,2,Infinity\n', /element 2 is Infinity/],
    ['a header and nothing else', 'p,q,r\n', /no whole sample/],
    ['an open quote', '1,2,"3\n', /not a readable table/],
  ];
  for (const [what, content, message] of wrong) {
    test(`refuses ${what}`, async (t) => {
      const path = file(t, 'x.csv', content);
      await assert.rejects(samplesOf(path, [input]), {
        code: 'INVALID_ARGUMENT',
        message,
        where: { file: path },
      });
    });
  }

  test('refuses inputs without columns and fractions for integers', async (t) => {
    await assert.rejects(samplesOf(file(t, 'x.csv', 'a,c\n1,2\n'), two), /named after input b/);
    const path = file(t, 'x.csv', 'a,b[0],b[1]\n1,2.5,3\n');
    await assert.rejects(samplesOf(path, two), /float64 numbers, but b takes int64/);
  });
});

suite('openDataset', () => {
  test('refuses what is no data', async (t) => {
    const folder = temporaryFolder(t);
    await assert.rejects(samplesOf(join(folder, 'none')), { code: 'IO', message: /no such file/ });
    await assert.rejects(samplesOf(folder), /holds no JPEG or PNG pictures and no TFRecord files/);
    await assert.rejects(samplesOf(file(t, 'x', '')), /the file is empty/);
    await assert.rejects(samplesOf(file(t, 'x', Buffer.alloc(100))), /no samples that can be read/);
    mkdirSync(join(folder, 'deep'));
    copyFileSync(fixturePath('data/digits.tfrecord'), join(folder, 'deep/a'));
    copyFileSync(fixturePath('data/pictures/rgb.png'), join(folder, 'b.png'));
    await assert.rejects(samplesOf(folder), /holds both/);
  });
});
