import { type BackendName, inspectPlan, type PlanReport } from '@linnet/runtime-web';
import {
  formatType,
  LinnetError,
  type Model,
  type NamedTensor,
  read,
  type Subgraph,
} from '@linnet/schema';
import { Command, Option } from 'commander';
import { detectFormat } from '../../formats/index.js';
import { nodeSource } from '../../formats/node-source.js';
import { formatBytes } from '../../units.js';
import { tfliteBytes } from '../../verify/open-runner.js';
import { errorToJson, formatTable, toJson } from '../console.js';
import type { CommandContext } from '../context.js';
import { jsonOption } from '../options.js';
import { createProgress } from '../progress.js';

interface InspectCommandOptions {
  readonly backend: BackendName;
  readonly json?: true;
}

/** What `linnet inspect` tells of a model; the shape of its `--json`. */
interface Inspection {
  readonly file: string;
  readonly format: string;
  /** Size of the TFLite file: the model's own, or of its conversion without loss. */
  readonly bytes: number;
  readonly description: string;
  readonly metadata: readonly string[];
  readonly signatures: readonly {
    readonly key: string;
    readonly graph: number;
    readonly inputs: readonly TypedName[];
    readonly outputs: readonly TypedName[];
  }[];
  readonly graphs: readonly GraphInspection[];
  /** How the wasm backend would run it; null when it cannot, and then `refused` says why. */
  /** What it was planned for. */
  readonly backend: BackendName;
  readonly plan: PlanReport | null;
  readonly refused: unknown;
}

interface TypedName {
  readonly name: string;
  readonly type: string;
}

interface GraphInspection {
  readonly name: string;
  readonly ops: readonly OpInspection[];
  readonly tensors: readonly {
    readonly name: string;
    readonly type: string;
    readonly role: 'constant' | 'variable' | 'activation';
    readonly bytes: number;
  }[];
}

interface OpInspection {
  readonly op: string;
  readonly versions: readonly number[];
  readonly count: number;
}

/** `linnet inspect`: what is in a model and how it would run, without running it. */
export function inspectCommand(context: CommandContext): Command {
  return new Command('inspect')
    .description('Show the signatures, tensors, ops and sizes of a model and how it would run.')
    .argument('<model>', '.tflite file, or a model to convert in memory')
    .addOption(
      new Option('--backend <name>', 'what to plan for')
        .choices(['wasm', 'webgpu'])
        .default('wasm'),
    )
    .addOption(jsonOption())
    .action(async (file: string, options: InspectCommandOptions) => {
      const { console, signal } = context;
      const progress = createProgress(console);
      try {
        const source = await nodeSource(file);
        const format = await detectFormat(source);
        const bytes = await tfliteBytes(source, {
          signal,
          onProgress: (stage, done, total) => progress.update(stage, done, total),
        });
        progress.stop();
        const inspection = await inspect(file, format.name, bytes, options.backend, signal);
        console.out(options.json ? toJson(inspection) : formatInspection(inspection));
      } catch (error) {
        throw error instanceof LinnetError ? error.at({ file }) : error;
      } finally {
        progress.stop();
      }
    });
}

async function inspect(
  file: string,
  format: string,
  bytes: Uint8Array,
  backend: BackendName,
  signal: AbortSignal,
): Promise<Inspection> {
  const model = read(bytes);
  let plan: PlanReport | null = null;
  let refused: LinnetError | null = null;
  try {
    plan = await inspectPlan(bytes, { backend, signal });
  } catch (error) {
    // A file that Linnet cannot run can still be looked into.
    if (!(error instanceof LinnetError) || error.code === 'ABORTED') throw error;
    refused = error;
  }
  return {
    file,
    format,
    bytes: bytes.byteLength,
    description: model.description,
    metadata: model.metadata.map(({ name }) => name),
    signatures: inspectSignatures(model),
    graphs: model.subgraphs.map(inspectGraph),
    backend,
    plan,
    refused: refused && errorToJson(refused),
  };
}

function inspectSignatures(model: Model): Inspection['signatures'] {
  return model.signatures.map(({ key, subgraph, inputs, outputs }) => {
    const describe = ({ name, tensor }: NamedTensor): TypedName => ({
      name,
      type: formatType(model.subgraphs[subgraph].tensors[tensor]),
    });
    return { key, graph: subgraph, inputs: inputs.map(describe), outputs: outputs.map(describe) };
  });
}

function inspectGraph(graph: Subgraph): GraphInspection {
  const ops = new Map<string, OpInspection>();
  for (const node of graph.operators) {
    const op = node.op ?? node.foreignName;
    const { versions, count } = ops.get(op) ?? { versions: [], count: 0 };
    ops.set(op, { op, versions: [...new Set([...versions, node.version])], count: count + 1 });
  }
  return {
    name: graph.name,
    ops: [...ops.values()].sort((a, b) => b.count - a.count || (a.op < b.op ? -1 : 1)),
    tensors: graph.tensors.map((tensor) => ({
      name: tensor.name,
      type: formatType(tensor),
      role: tensor.data !== null ? 'constant' : tensor.isVariable ? 'variable' : 'activation',
      bytes: tensor.data?.byteLength ?? 0,
    })),
  };
}

function formatInspection(inspection: Inspection): string {
  const { plan } = inspection;
  const parts = [
    [
      `${inspection.file}: ${inspection.format}, ${formatBytes(inspection.bytes)} as TFLite`,
      ...(inspection.description ? [`description: ${inspection.description}`] : []),
      ...(inspection.metadata.length > 0 ? [`metadata: ${inspection.metadata.join(', ')}`] : []),
    ].join('\n'),
    formatTable(
      ['signature', 'direction', 'name', 'type'],
      inspection.signatures.flatMap(({ key, inputs, outputs }) => [
        ...inputs.map(({ name, type }) => [key, 'input', name, type]),
        ...outputs.map(({ name, type }) => [key, 'output', name, type]),
      ]),
    ),
  ];
  inspection.graphs.forEach((graph, index) => {
    const planned = plan?.graphs[index];
    const support = new Map(planned?.ops.map((entry) => [entry.op as string, entry]));
    const hasGpu = inspection.backend === 'webgpu';
    parts.push(
      formatTable(
        [
          `graph ${graph.name}: op`,
          'version',
          'count',
          'wasm native',
          'wasm via float32',
          'wasm none',
          ...(hasGpu ? ['on the gpu', 'the others are not because'] : []),
        ],
        graph.ops.map(({ op, versions, count }) => {
          const entry = support.get(op);
          const cell = (value: number | undefined) => (planned ? (value ?? 0) : '?');
          return [
            op,
            versions.join(', '),
            count,
            cell(entry?.native),
            cell(entry?.viaFloat32),
            cell(entry?.unsupported),
            ...(hasGpu ? [cell(entry?.onGpu), entry?.whyNotOnGpu.join('; ') ?? ''] : []),
          ];
        }),
      ),
    );
    if (planned) {
      parts.push(
        `planned for inputs ${planned.inputShapes.map((shape) => `[${shape}]`).join(', ')}: ` +
          `${planned.stages} stage${planned.stages === 1 ? '' : 's'}, ` +
          `arena ${formatBytes(planned.arena)} (at least ${formatBytes(planned.arenaLowerBound)})` +
          (hasGpu
            ? `\nhanded over between GPU and WASM: ${planned.handovers.tensors} tensors, ${formatBytes(planned.handovers.bytes)}`
            : '') +
          planned.plannedAtRunTime.map((node) => `\nplanned at run time: ${node}`).join(''),
      );
    }
    parts.push(
      formatTable(
        [`graph ${graph.name}: tensor`, 'type', 'role', 'bytes'],
        graph.tensors.map(({ name, type, role, bytes }) => [name, type, role, bytes]),
      ),
    );
  });
  if (inspection.refused !== null) {
    parts.push(`the wasm backend refuses it: ${(inspection.refused as LinnetError).message}`);
  }
  return parts.join('\n\n');
}
