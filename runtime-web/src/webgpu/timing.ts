import type { Span } from '../plan/backend.js';
import type { Gpu } from './device.js';
import type { GpuMemory } from './memory.js';
import { BUFFER, MAP_READ } from './usage.js';

/** A query set holds no more. */
const MAX_QUERIES = 4096;

/** Encodes one pass and says where its beginning and end are to be written. */
export type EncodePass = (
  encoder: GPUCommandEncoder,
  timestampWrites: GPUComputePassTimestampWrites | undefined,
) => void;

/**
 * Runs passes one after the other and tells when each was at work, in milliseconds from the first:
 * by the device's own clock where it lets itself be asked, else by waiting for each.
 */
export async function timePasses(
  gpu: Gpu,
  memory: GpuMemory,
  passes: readonly EncodePass[],
): Promise<readonly Span[]> {
  const spans: Span[] = [];
  if (!gpu.device.features.has('timestamp-query')) {
    for (const encode of passes) spans.push(await timeByWaiting(gpu, encode));
    return spans;
  }
  const most = MAX_QUERIES / 2;
  for (let first = 0; first < passes.length; first += most) {
    spans.push(...(await timeByQueries(gpu, memory, passes.slice(first, first + most))));
  }
  return spans;
}

async function timeByWaiting({ device }: Gpu, encode: EncodePass): Promise<Span> {
  const encoder = device.createCommandEncoder();
  encode(encoder, undefined);
  const begin = performance.now();
  device.queue.submit([encoder.finish()]);
  await device.queue.onSubmittedWorkDone();
  return { begin, end: performance.now() };
}

async function timeByQueries(
  { device }: Gpu,
  memory: GpuMemory,
  passes: readonly EncodePass[],
): Promise<readonly Span[]> {
  const count = 2 * passes.length;
  const queries = device.createQuerySet({ type: 'timestamp', count });
  const resolved = memory.create('times', 8 * count, BUFFER.QUERY_RESOLVE | BUFFER.COPY_SRC);
  const readable = memory.create('times', 8 * count, BUFFER.MAP_READ | BUFFER.COPY_DST);
  try {
    const encoder = device.createCommandEncoder();
    passes.forEach((encode, at) => {
      encode(encoder, {
        querySet: queries,
        beginningOfPassWriteIndex: 2 * at,
        endOfPassWriteIndex: 2 * at + 1,
      });
    });
    encoder.resolveQuerySet(queries, 0, count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, readable, 0, 8 * count);
    device.queue.submit([encoder.finish()]);
    await readable.mapAsync(MAP_READ);
    const nanoseconds = new BigInt64Array(readable.getMappedRange(0, 8 * count));
    const milliseconds = (at: number) => Number(nanoseconds[at] as bigint) / 1e6;
    return passes.map((_, at) => ({ begin: milliseconds(2 * at), end: milliseconds(2 * at + 1) }));
  } finally {
    queries.destroy();
    memory.destroy(resolved);
    memory.destroy(readable);
  }
}
