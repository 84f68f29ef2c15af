/** Pictures against TensorFlow's decoding and resizing of the same files. */
import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { type NamedArray, readNpz } from '@linnet/converter';
import fc from 'fast-check';
import {
  openDataset,
  parsePreprocess,
  RAW_PIXELS,
  type Sample,
} from '../../../converter/dist/data/index.js';
import type { TensorInfo } from '../../../converter/dist/entry-point.js';
import { fixturePath } from '../support/fixtures.js';
import { temporaryFolder } from '../support/temporary.js';

const FOLDER = fixturePath('data/pictures');
const FILES = readdirSync(FOLDER).sort();
const recorded = readNpz(readFileSync(fixturePath('data/pictures.npz')), 'pictures.npz');

function expected(name: string): NamedArray {
  return recorded.find((array) => array.name === name) as NamedArray;
}

function input(dtype: 'float32' | 'uint8', ...shape: number[]): TensorInfo {
  return { name: 'x', dtype, shape: [-1, ...shape] };
}

async function read(path: string, info: TensorInfo, preprocess?: string): Promise<Sample[]> {
  const parsed = preprocess === undefined ? undefined : parsePreprocess(preprocess);
  const samples: Sample[] = [];
  for await (const sample of await openDataset(path, [info], parsed)) samples.push(sample);
  return samples;
}

async function pixels(file: string, info: TensorInfo, preprocess?: string): Promise<number[]> {
  const [sample] = await read(join(FOLDER, file), info, preprocess);
  return Array.from(sample?.x?.data as Float32Array);
}

function assertClose(
  actual: readonly number[],
  wanted: ArrayLike<number>,
  tolerance: number,
): void {
  assert.equal(actual.length, wanted.length);
  const worst = Math.max(...actual.map((value, i) => Math.abs(value - (wanted[i] as number))));
  assert.ok(worst <= tolerance, `off by ${worst}`);
}

suite('decoding', () => {
  for (const file of FILES) {
    test(`${file} has TensorFlow's pixels`, async () => {
      const found = await pixels(file, input('uint8', 28, 36, 3));
      assert.deepEqual(found, Array.from(expected(file).data, Number));
    });
  }

  test('a folder gives its pictures in the order of their names', async () => {
    const samples = await read(FOLDER, input('uint8', 28, 36, 3));
    assert.equal(samples.length, FILES.length);
    samples.forEach(({ x }, i) => {
      assert.deepEqual(x?.shape, [1, 28, 36, 3]);
      assert.deepEqual(x?.data, expected(FILES[i] as string).data);
    });
  });
});

suite('preprocessing', () => {
  const resized: readonly (readonly [string, string, string])[] = [
    ['shrinks', 'resized/12x15', 'resize:12x15,scale:1'],
    ['enlarges', 'resized/40x50', 'resize:40x50,scale:1'],
    ['cuts the middle out', 'cropped/14x14', 'resize:14,fit:crop,scale:1'],
    ['puts borders round it', 'padded/18x18', 'resize:18,fit:pad,scale:1'],
  ];
  for (const [what, name, text] of resized) {
    test(`${what} as TensorFlow does`, async () => {
      const { shape, data } = expected(name);
      const found = await pixels('rgb.png', input('float32', ...shape), text);
      assertClose(found, data as Float32Array, 1e-3);
    });
  }

  const raw = Array.from(expected('rgb.png').data, Number);

  test('subtracts the mean, scales and divides, per channel', async () => {
    const info = input('float32', 28, 36, 3);
    const found = await pixels('rgb.png', info, 'mean:10:20:30,std:2:4:8,scale:1/3');
    const [mean, std] = [
      [10, 20, 30],
      [2, 4, 8],
    ] as const;
    const wanted = raw.map((x, i) => (x - (mean[i % 3] as number)) / 3 / (std[i % 3] as number));
    assertClose(found, wanted, 1e-4);
  });

  test('orders channels as BGR', async () => {
    const found = await pixels('rgb.png', input('float32', 28, 36, 3), 'channels:bgr');
    assertClose(
      found,
      raw.map((_, i) => raw[i - (i % 3) + 2 - (i % 3)] as number),
      1e-4,
    );
  });

  test('puts channels first where the input has them first', async () => {
    const found = await pixels('rgb.png', input('float32', 3, 28, 36), 'scale:1');
    const wanted = raw.map((_, i) => raw[(i % 1008) * 3 + Math.floor(i / 1008)] as number);
    assertClose(found, wanted, 1e-4);
  });

  test('turns grey for one channel', async () => {
    const found = await pixels('rgb.png', input('float32', 28, 36, 1), 'scale:1');
    const luma = found.map((_, i) => {
      const [r, g, b] = raw.slice(i * 3, i * 3 + 3) as [number, number, number];
      return 0.299 * r + 0.587 * g + 0.114 * b;
    });
    assertClose(found, luma, 1e-3);
  });

  test('keeps the middle share', async () => {
    const info = input('float32', 14, 18, 3);
    const found = await pixels('rgb.png', info, 'crop:0.5');
    // Half of 28 x 36 at its own scale: rows 7 to 20, columns 9 to 26.
    const wanted = found.map((_, i) => {
      const [pixel, channel] = [Math.floor(i / 3), i % 3];
      const [y, x] = [7 + Math.floor(pixel / 18), 9 + (pixel % 18)];
      return raw[(y * 36 + x) * 3 + channel] as number;
    });
    assertClose(found, wanted, 1e-4);
  });

  test('reads every key', () => {
    assert.deepEqual(
      parsePreprocess(
        'resize:240x320, fit:pad,crop:0.875,mean:127.5,std:1:2:3,scale:1/127.5,channels:bgr',
      ),
      {
        resize: [240, 320],
        fit: 'pad',
        crop: 0.875,
        mean: [127.5],
        std: [1, 2, 3],
        scale: 1 / 127.5,
        channels: 'bgr',
      },
    );
    assert.deepEqual(parsePreprocess('resize:224'), { ...RAW_PIXELS, resize: [224, 224] });
  });

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['', /there is no key ""/],
    ['size:224', /there is no key "size"/],
    ['toString:1', /there is no key "toString"/],
    ['resize:224,resize:224', /resize is there twice/],
    ['resize', /resize is ""/],
    ['resize:0', /resize is "0"/],
    ['resize:1e9', /resize is "1e9"/],
    ['resize:2x3x4', /resize is/],
    ['fit:fill', /fit is "fill"/],
    ['crop:1.5', /crop is "1.5"/],
    ['mean:1:2', /mean is "1:2"/],
    ['mean:a', /mean is "a"/],
    ['std:0', /std is "0"/],
    ['scale:1/0', /scale is/],
    ['scale:-1', /scale is "-1"/],
    ['channels:rgba', /channels is "rgba"/],
  ];
  for (const [text, message] of wrong) {
    test(`refuses "${text}"`, () => {
      assert.throws(() => parsePreprocess(text), { code: 'INVALID_ARGUMENT', message });
    });
  }
});

suite('pictures that cannot be', () => {
  const info = input('uint8', 28, 36, 3);

  test('an input that takes none, or does not say how', async () => {
    const path = join(FOLDER, 'rgb.png');
    await assert.rejects(read(path, input('float32', 28, 36, 3)), /nothing says how pixels/);
    await assert.rejects(read(path, input('uint8', 10)), /which is no picture/);
    await assert.rejects(read(path, input('uint8', -1, -1, 3)), /pictures of any size/);
    const inputs = [info, { ...info, name: 'y' }];
    const open = async () => {
      for await (const _ of await openDataset(path, inputs)) break;
    };
    await assert.rejects(open, /one input, but the model has 2/);
  });

  test('absurd sizes are refused by the header', async (t) => {
    const folder = temporaryFolder(t);
    const png = readFileSync(join(FOLDER, 'rgb.png'));
    png.writeUInt32BE(2 ** 30, 16);
    const jpeg = readFileSync(join(FOLDER, 'baseline.jpg'));
    const frame = jpeg.indexOf(Buffer.of(0xff, 0xc0));
    jpeg.writeUInt16BE(65500, frame + 5);
    jpeg.writeUInt16BE(65500, frame + 7);
    for (const [name, bytes] of Object.entries({ png, jpeg })) {
      const path = join(folder, name);
      writeFileSync(path, bytes);
      await assert.rejects(read(path, info), {
        code: 'INVALID_ARGUMENT',
        message: /at most 33554432/,
      });
    }
  });

  test('one bad picture in a folder is named', async (t) => {
    const folder = temporaryFolder(t);
    for (const name of ['a', 'b']) copyFileSync(join(FOLDER, 'grey.jpg'), join(folder, name));
    writeFileSync(join(folder, 'b'), readFileSync(join(FOLDER, 'grey.jpg')).subarray(0, 300));
    await assert.rejects(read(folder, info), {
      code: 'INVALID_ARGUMENT',
      message: /damaged/,
      where: { file: join(folder, 'b') },
    });
  });

  for (const name of ['baseline.jpg', 'progressive.jpg', 'rgb.png', 'alpha.png']) {
    test(`${name} with random damage is read or refused, never worse`, async (t) => {
      const path = join(temporaryFolder(t), name);
      const bytes = readFileSync(join(FOLDER, name));
      const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
      const damage = fc.record({
        changes: fc.array(change, { maxLength: 8 }),
        length: fc.integer({ min: 1, max: bytes.length }),
      });
      await fc.assert(
        fc.asyncProperty(damage, async ({ changes, length }) => {
          const damaged = Buffer.from(bytes.subarray(0, length));
          for (const [at, value] of changes) if (at < length) damaged[at] = value;
          writeFileSync(path, damaged);
          await read(path, info).then(
            ([sample]) => assert.deepEqual(sample?.x?.shape, [1, 28, 36, 3]),
            (error) => assert.equal(error.code, 'INVALID_ARGUMENT', error.stack),
          );
        }),
        { numRuns: 150 },
      );
      writeFileSync(path, bytes);
      const [sample] = await read(path, info);
      assert.deepEqual(sample?.x?.data, expected(name).data, 'the decoder still works');
    });
  }
});
