/** Checkpoints: checksums, compression, shards and slices. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { LinnetError } from '@linnet/schema';
import { nodeSource } from '../../../converter/dist/formats/node-source.js';
import { filesSource } from '../../../converter/dist/formats/source.js';
import { Bundle } from '../../../converter/dist/formats/tensorflow/checkpoint/bundle.js';
import {
  orderedSliceKey,
  parseSliceSpec,
} from '../../../converter/dist/formats/tensorflow/checkpoint/slice.js';
import { readTable } from '../../../converter/dist/formats/tensorflow/checkpoint/sstable.js';
import { crc32c, mask } from '../../../converter/dist/wire/crc32c.js';
import { FIXTURES } from '../support/paths.js';
import { DT } from './encode.js';
import { errorOf } from './evaluate.js';
import { checkpoint, entry, header, table } from './table.js';

const PREFIX = 'variables/variables';
const INDEX = `${PREFIX}.index`;
const DATA = `${PREFIX}.data-00000-of-00001`;

const open = (files: Record<string, Uint8Array>) =>
  Bundle.open(filesSource('model', files), PREFIX);
const numbers = (data: Uint8Array) => [...new Float32Array(data.slice().buffer)];
const ascii = (text: string) => new TextEncoder().encode(text);

suite('CRC-32C', () => {
  // Source: RFC 3720, appendix B.4.
  test('has the published values', () => {
    assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
    assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
    assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
    assert.equal(crc32c(ascii('123456789')), 0xe3069283);
  });

  test('of a whole is that of its parts in turn', () => {
    const bytes = ascii('a tensor in two parts of odd lengths');
    assert.equal(crc32c(bytes.subarray(13), crc32c(bytes.subarray(0, 13))), crc32c(bytes));
    assert.notEqual(mask(crc32c(bytes)), crc32c(bytes));
  });
});

suite('the index', () => {
  const entries = {
    '': header(1),
    'layer/a': ascii('one'),
    'layer/ab': ascii('two'),
    'layer/b': ascii(''),
  };

  test('gives every entry, compressed or not', () => {
    for (const compression of [0, 1] as const) {
      const read = readTable(table(entries, compression), INDEX);
      assert.deepEqual(
        [...read].map(([key, value]) => [key, new TextDecoder().decode(value)]),
        Object.entries(entries).map(([key, value]) => [key, new TextDecoder().decode(value)]),
      );
    }
  });

  test('compressed by another method is refused', () => {
    assert.throws(() => readTable(table(entries, 7), INDEX), /method 7/);
  });

  test('with any bit flipped is refused, or the flip was in padding', () => {
    const bytes = table(entries);
    // Two handles of two bytes each, then padding up to the magic number.
    const padding = { start: bytes.length - 48 + 4, end: bytes.length - 8 };
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at] = damaged[at]! ^ 0x10;
      try {
        const read = readTable(damaged, INDEX);
        assert.deepEqual([...read.keys()], Object.keys(entries), `byte ${at}`);
        assert(at >= padding.start && at < padding.end, `byte ${at} was not checked`);
      } catch (error) {
        assert(error instanceof LinnetError, `byte ${at}: ${error}`);
        assert.equal(error.where.file, INDEX);
      }
    }
  });

  test('cut off anywhere is refused', () => {
    const bytes = table(entries);
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => readTable(bytes.subarray(0, length), INDEX), LinnetError);
    }
  });
});

suite('a bundle', () => {
  const tensors = { weights: [1, 2, 3], bias: [-1] };

  test('gives its tensors, whole or in part', async () => {
    for (const compression of [0, 1] as const) {
      const bundle = (await open(checkpoint(tensors, compression)))!;
      assert.deepEqual(bundle.names(), ['bias', 'weights']);
      const { dtype, shape, data } = await bundle.read('weights');
      assert.deepEqual([dtype, shape, numbers(data)], ['float32', [3], [1, 2, 3]]);
      const part = await bundle.read('weights', parseSliceSpec('3 1,2'));
      assert.deepEqual([part.shape, numbers(part.data)], [[2], [2, 3]]);
    }
  });

  test('is null where there is none', async () => {
    assert.equal(await open({}), null);
  });

  test('with damaged data is refused by its checksum', async () => {
    const files = checkpoint(tensors);
    files[DATA]![5] = 99;
    const bundle = (await open(files))!;
    assert.deepEqual(numbers((await bundle.read('bias')).data), [-1]);
    const error = await errorOf(bundle.read('weights'));
    assert.equal(error.code, 'INVALID_MODEL');
    assert.match(error.message, /checksum mismatch in weights/);
  });

  test('with a shard cut off says what should be there', async () => {
    const files = checkpoint(tensors);
    files[DATA] = files[DATA]!.subarray(0, 10);
    const error = await errorOf((await open(files))!.read('weights'));
    assert.match(error.message, /weights \(float32\[3\]\) should be 12 bytes at 0 of .*data-00000/);
  });

  test('with a shard missing is an IO error', async () => {
    const { [DATA]: _, ...files } = checkpoint(tensors);
    assert.equal((await errorOf((await open(files))!.read('weights'))).code, 'IO');
  });

  test('from a big-endian machine is refused', async () => {
    const error = await errorOf(open({ [INDEX]: table({ '': header(1, 1) }) }));
    assert.equal(error.code, 'UNSUPPORTED');
    assert.match(error.message, /big-endian/);
  });

  test('with entries that do not fit their data is refused', async () => {
    const content = new Uint8Array(8);
    for (const [dims, offset] of [
      [[3], 0],
      [[2], 4],
      [[2 ** 50], 0],
    ] as const) {
      const bundle = await open({
        [INDEX]: table({ '': header(1), t: entry(DT.float, dims, offset, content) }),
        [DATA]: content,
      });
      assert.equal((await errorOf(bundle!.read('t'))).code, 'INVALID_MODEL');
    }
  });

  test('reads strings', async () => {
    const words = ['linnet', '', 'bird'].map(ascii);
    const lengths = Uint32Array.from(words, (word) => word.length);
    const stored = new Uint8Array(4);
    new DataView(stored.buffer).setUint32(0, mask(crc32c(new Uint8Array(lengths.buffer))), true);
    const text = ascii('linnetbird');
    const content = Uint8Array.from([...lengths, ...stored, ...text]);
    const crc = crc32c(text, crc32c(stored, crc32c(new Uint8Array(lengths.buffer))));
    const described = entry(DT.string, [3], 0, content);
    new DataView(described.buffer, described.byteOffset).setUint32(
      described.length - 4,
      mask(crc),
      true,
    );
    const files = { [INDEX]: table({ '': header(1), words: described }), [DATA]: content };
    const { data } = await (await open(files))!.read('words');
    // A TFLite string buffer: count, offsets, bytes.
    const view = new DataView(data.buffer, data.byteOffset);
    assert.deepEqual(
      [0, 4, 8, 12, 16].map((at) => view.getInt32(at, true)),
      [3, 20, 26, 26, 30],
    );
    assert.equal(new TextDecoder().decode(data.subarray(20)), 'linnetbird');
    files[DATA][0] = 5;
    assert.match((await errorOf((await open(files))!.read('words'))).message, /checksum/);
  });
});

suite('slices', () => {
  test('have keys that sort as TensorFlow sorts them', () => {
    const key = (start: number, length: number | undefined) =>
      Buffer.from(orderedSliceKey('w', [{ start, length }])).toString('hex');
    // 0; "w" and its end; rank 1; start and length: one byte each up to 63.
    assert.equal(key(0, undefined), '00' + '770001' + '0101' + '80' + '7f');
    assert.equal(key(63, 64), '00' + '770001' + '0101' + 'bf' + 'c040');
    const order = [-70000, -8193, -8192, -65, -64, -1, 0, 63, 64, 8191, 8192, 1e6, 1e9];
    const keys = order.map((start) => key(start, 1));
    assert.deepEqual(keys, [...keys].sort());
  });

  test('are read as RestoreV2 writes them', () => {
    assert.equal(parseSliceSpec(''), undefined);
    assert.deepEqual(parseSliceSpec('10 4 5,5:-'), { start: [5, 0], length: [5, 4] });
  });

  test('of a partitioned variable in several shards make the whole', async () => {
    const source = await nodeSource(join(FIXTURES, 'tf1/builder'));
    const bundle = (await Bundle.open(source, PREFIX))!;
    const { shape, data } = await bundle.read('hidden/weights');
    assert.equal(data.length, 4 * shape.reduce((a, b) => a * b, 1));
    const [rows, columns] = shape as [number, number];
    const part = await bundle.read('hidden/weights', { start: [1, 2], length: [rows - 1, 3] });
    const whole = numbers(data);
    assert.deepEqual(numbers(part.data).slice(0, 3), whole.slice(columns + 2, columns + 5));
    assert.equal(part.data.length, 4 * (rows - 1) * 3);
  });
});
