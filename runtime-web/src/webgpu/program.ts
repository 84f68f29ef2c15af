import { LinnetError } from '@linnet/schema';
import { disposedError } from '../base.js';
import type { BoundProgram, CallCost, Contents, Span, TimedRun } from '../plan/backend.js';
import { bytesOf, type Call, type NodeLabel, type PlanBuffer, type Program } from '../plan/plan.js';
import type { Gpu } from './device.js';
import { SegmentFaults } from './faults.js';
import { guarded, guardedTurns } from './guarded.js';
import type { GpuMemory } from './memory.js';
import type { Pipeline } from './pipelines.js';
import { profileCode } from './profile-code.js';
import { alignWord, Staging } from './staging.js';
import { GpuTensor } from './tensor.js';
import type { EncodePass } from './timing.js';
import { BUFFER } from './usage.js';
import type { Shader } from './wgsl/kernel.js';

/** A call ready to be encoded. */
interface Dispatch {
  readonly label: string;
  readonly node: NodeLabel;
  readonly site: NodeLabel;
  readonly cost: CallCost;
  readonly pipeline: GPUComputePipeline;
  readonly bindings: GPUBindGroup;
  readonly workgroups: Shader['workgroups'];
}

interface BoundSegment {
  readonly inputs: readonly GPUBuffer[];
  readonly dispatches: readonly Dispatch[];
  readonly staging: Staging;
  /** Null where no shader can find values that it cannot work with. */
  readonly faults: SegmentFaults | null;
}

/** Uniform blocks begin at multiples of this, the default limit of all devices. */
const UNIFORM_ALIGNMENT = 256;

/** Told how many shaders of how many are ready. */
export type CompileProgress = (done: number, total: number) => void;

/** Compiles what a program runs; what can be waited for is, before it runs first. */
export async function bindProgram(
  gpu: Gpu,
  memory: GpuMemory,
  program: Program<Shader>,
  onCompiled: CompileProgress,
): Promise<BoundProgram> {
  const { device } = gpu;
  const calls = program.segments.flatMap((segment) => segment.calls);
  // Compiling goes on while memory is filled.
  let done = 0;
  const compiling = Promise.all(
    calls.map(async ({ work, node }) => {
      const pipeline = await compile(gpu, work, node);
      onCompiled(++done, calls.length);
      return pipeline;
    }),
  );
  compiling.catch(() => {});
  const owned: GPUBuffer[] = [];
  try {
    const placed = await guardedTurns(device, memory.place(program, owned));
    const { params, offsets } = await guarded(device, async () =>
      placeParams(memory, calls, owned),
    );
    const pipelines = await compiling;
    let next = 0;
    const segments = program.segments.map((segment): BoundSegment => {
      const faults = SegmentFaults.of(memory, segment.calls, owned);
      const dispatches = segment.calls.map(({ work, node, site }): Dispatch => {
        const at = next++;
        const { pipeline, layout } = pipelines[at] as Pipeline;
        const resources: GPUBufferBinding[] = work.refs.map(({ buffer }) => ({
          buffer: placed.get(buffer) as GPUBuffer,
        }));
        if (work.params.length > 0 && params !== null) {
          const [offset, size] = [offsets[at] as number, work.params.length];
          resources.push({ buffer: params, offset, size });
        }
        if (work.faults && faults !== null) resources.push(faults.bindingOf(work));
        const entries = resources.map((resource, binding) => ({ binding, resource }));
        return {
          label: work.label,
          node,
          site,
          cost: costOf(work, program.buffers),
          pipeline,
          bindings: device.createBindGroup({ layout, entries }),
          workgroups: work.workgroups,
        };
      });
      let offset = 0;
      const readings = segment.outputs.map(({ ref, bytes }) => {
        const source = placed.get(ref.buffer) as GPUBuffer;
        const reading = { source, offset, bytes };
        offset += alignWord(bytes);
        return reading;
      });
      return {
        inputs: segment.inputs.map(({ ref }) => placed.get(ref.buffer) as GPUBuffer),
        dispatches,
        staging: new Staging(memory, readings),
        faults,
      };
    });
    return new GpuProgram(gpu, memory, segments, owned);
  } catch (error) {
    for (const buffer of owned) memory.destroy(buffer);
    throw error;
  }
}

async function compile(gpu: Gpu, shader: Shader, { name, op }: NodeLabel): Promise<Pipeline> {
  try {
    return await gpu.pipelines.get(shader);
  } catch (error) {
    throw error instanceof LinnetError ? error.at({ node: name, op }) : error;
  }
}

/** One buffer with the uniform blocks of all calls, and where each begins. */
function placeParams(
  memory: GpuMemory,
  calls: readonly Call<Shader>[],
  owned: GPUBuffer[],
): { readonly params: GPUBuffer | null; readonly offsets: readonly number[] } {
  let end = 0;
  const offsets = calls.map(({ work }) => {
    const offset = end;
    end += Math.ceil(work.params.length / UNIFORM_ALIGNMENT) * UNIFORM_ALIGNMENT;
    return offset;
  });
  if (end === 0) return { params: null, offsets };
  const blocks = new Uint8Array(end);
  calls.forEach(({ work }, at) => {
    blocks.set(work.params, offsets[at]);
  });
  const buffer = memory.create('params', end, BUFFER.UNIFORM | BUFFER.COPY_DST);
  owned.push(buffer);
  memory.write(buffer, blocks);
  return { params: buffer, offsets };
}

function encodeDispatch(
  pass: GPUComputePassEncoder,
  { pipeline, bindings, workgroups }: Dispatch,
): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindings);
  pass.dispatchWorkgroups(...workgroups);
}

function costOf(
  { refs, multiplyAdds, arithmetic }: Shader,
  buffers: readonly PlanBuffer[],
): CallCost {
  const bytes = refs.reduce((sum, ref) => sum + bytesOf(buffers[ref.buffer] as PlanBuffer), 0);
  return { arithmetic: multiplyAdds > 0 ? arithmetic : null, multiplyAdds, bytes };
}

class GpuProgram implements BoundProgram {
  #isDisposed = false;
  /** Outputs on their way. */
  #underWay = 0;

  constructor(
    readonly gpu: Gpu,
    readonly memory: GpuMemory,
    readonly segments: readonly BoundSegment[],
    readonly owned: readonly GPUBuffer[],
  ) {}

  get bytes(): number {
    return this.owned.reduce((sum, { size }) => sum + size, 0);
  }

  async run(index: number, inputs: readonly Contents[]): Promise<readonly Uint8Array[]> {
    const segment = this.#segment(index);
    return this.#submit((encoder) => {
      this.#encode(encoder, segment, inputs);
      return this.#reading(encoder, segment);
    }, inputs);
  }

  async runOnDevice(index: number, inputs: readonly Contents[]): Promise<readonly GpuTensor[]> {
    const segment = this.#segment(index);
    const { faults, staging } = segment;
    const outputs: GpuTensor[] = [];
    try {
      return await this.#submit((encoder) => {
        this.#encode(encoder, segment, inputs);
        for (const { source, bytes } of staging.readings) {
          const tensor = this.memory.tensor(bytes);
          outputs.push(tensor);
          if (bytes > 0) encoder.copyBufferToBuffer(source, 0, tensor.buffer, 0, alignWord(bytes));
        }
        const checked = faults?.encode(encoder) ?? null;
        return async () => {
          await faults?.check(checked);
          return outputs;
        };
      }, inputs);
    } catch (error) {
      for (const { buffer } of outputs) buffer.destroy();
      throw error;
    }
  }

  async profile(index: number, inputs: readonly Contents[]): Promise<TimedRun> {
    const segment = this.#segment(index);
    const { timePasses } = await profileCode();
    await this.#submit((encoder) => {
      this.#take(segment, inputs, encoder);
      return async () => {};
    }, inputs);
    const passes = segment.dispatches.map(
      (dispatch): EncodePass =>
        (encoder, timestampWrites) => {
          const pass = encoder.beginComputePass(timestampWrites && { timestampWrites });
          encodeDispatch(pass, dispatch);
          pass.end();
        },
    );
    const spans = await timePasses(this.gpu, this.memory, passes);
    const outputs = await this.#submit((encoder) => this.#reading(encoder, segment));
    const steps = segment.dispatches.map(({ label, node, site, cost }, at) => ({
      kernel: label,
      node,
      site,
      cost,
      spans: [spans[at] as Span],
    }));
    return { outputs, steps };
  }

  #segment(index: number): BoundSegment {
    this.#checkDevice();
    return this.segments[index] as BoundSegment;
  }

  #encode(encoder: GPUCommandEncoder, segment: BoundSegment, inputs: readonly Contents[]): void {
    this.#take(segment, inputs, encoder);
    const pass = encoder.beginComputePass();
    for (const dispatch of segment.dispatches) encodeDispatch(pass, dispatch);
    pass.end();
  }

  /** Has inputs written to where a segment reads them. */
  #take(segment: BoundSegment, inputs: readonly Contents[], encoder: GPUCommandEncoder): void {
    segment.faults?.clear(encoder);
    segment.inputs.forEach((buffer, i) => {
      const input = inputs[i] as Contents;
      if (input instanceof GpuTensor) {
        const bytes = alignWord(input.byteLength);
        if (bytes > 0) encoder.copyBufferToBuffer(input.buffer, 0, buffer, 0, bytes);
      } else {
        this.memory.write(buffer, input as Uint8Array);
      }
    });
  }

  /** Has a segment's outputs copied, and gives what reads them. */
  #reading(
    encoder: GPUCommandEncoder,
    { staging, faults }: BoundSegment,
  ): () => Promise<readonly Uint8Array[]> {
    const [buffer, checked] = [staging.encode(encoder), faults?.encode(encoder) ?? null];
    return async () => {
      const [outputs] = await Promise.all([staging.read(buffer), faults?.check(checked)]);
      return outputs;
    };
  }

  /** Submits what `encode` does with `inputs`, then waits for what it gives. */
  async #submit<T>(
    encode: (encoder: GPUCommandEncoder) => () => Promise<T>,
    inputs: readonly Contents[] = [],
  ): Promise<T> {
    const { device } = this.gpu;
    this.#underWay++;
    try {
      return await guarded(device, () => {
        const encoder = device.createCommandEncoder();
        const read = encode(encoder);
        device.queue.submit([encoder.finish()]);
        return read();
      });
    } catch (cause) {
      if (cause instanceof LinnetError && cause.code === 'INVALID_ARGUMENT') throw cause;
      // That the device is lost is known a little later than that reading failed.
      await Promise.race([device.lost, new Promise((resolve) => setTimeout(resolve))]);
      this.#checkDevice(cause);
      for (const input of inputs) if (input instanceof GpuTensor) await input.check();
      if (cause instanceof LinnetError) throw cause;
      throw new LinnetError('INTERNAL', `The GPU gave no outputs: ${cause}`, {}, [], { cause });
    } finally {
      this.#underWay--;
      if (this.#isDisposed) this.#destroy();
    }
  }

  #checkDevice(cause?: unknown): void {
    if (this.#isDisposed) throw disposedError();
    const { lost } = this.gpu;
    if (lost === undefined) return;
    throw new LinnetError('DEVICE_LOST', `The GPU was lost: ${lost}`, {}, [], { cause });
  }

  /** Outputs on their way arrive before anything is destroyed. */
  dispose(): void {
    this.#isDisposed = true;
    this.#destroy();
  }

  #destroy(): void {
    if (this.#underWay > 0) return;
    for (const { staging, faults } of this.segments) {
      staging.dispose();
      faults?.dispose();
    }
    for (const buffer of this.owned) this.memory.destroy(buffer);
  }
}
