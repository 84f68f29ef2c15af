import { join } from 'node:path';
import type { DType } from '@linnet/schema';
import { Command } from 'commander';
import { writeNpy } from '../../data/npy.js';
import { type Backend, openRunner } from '../../verify/open-runner.js';
import { selectSignature } from '../../verify/verify.js';
import { formatTable, toJson } from '../console.js';
import type { CommandContext } from '../context.js';
import { loadInputs } from '../inputs.js';
import {
  backendOption,
  inputOption,
  jsonOption,
  requireOption,
  signatureOption,
  threadsOption,
} from '../options.js';
import { safeFileName, writeFiles } from '../output-files.js';
import { createProgress } from '../progress.js';

interface RunOptions {
  readonly input: readonly string[];
  readonly outputDir: string;
  readonly backend: Backend;
  readonly threads: number;
  readonly signature?: string;
  readonly json?: true;
}

interface WrittenOutput {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly file: string;
}

/** `linnet run`: one run of a model on arrays from files. */
export function runCommand(context: CommandContext): Command {
  return new Command('run')
    .description('Run a model on .npy or .npz inputs and write its outputs as .npy files.')
    .argument('<model>', '.tflite file, or a model to convert in memory')
    .addOption(inputOption())
    .option('--output-dir <dir>', 'folder for the outputs, made if need be')
    .hook('preAction', requireOption('--output-dir <dir>'))
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(signatureOption())
    .addOption(jsonOption())
    .action(async (model: string, options: RunOptions) => {
      const { console, signal } = context;
      const progress = createProgress(console);
      try {
        const runner = await openRunner(model, {
          backend: options.backend,
          threads: options.threads,
          signal,
          onProgress: (stage, done, total) => progress.update(stage, done, total),
        });
        try {
          const signature = selectSignature(runner, options.signature);
          const inputs = await loadInputs(options.input, signature);
          progress.update('running', 0, 0);
          const started = performance.now();
          const outputs = await runner.run(inputs, signature.key, signal);
          const milliseconds = performance.now() - started;
          const files = new Map<string, Uint8Array>();
          const written: WrittenOutput[] = Object.entries(outputs).map(([name, value]) => {
            const file = join(options.outputDir, uniqueName(name, files, options.outputDir));
            files.set(file, writeNpy({ ...value, data: value.data as never }));
            return { name, dtype: value.dtype, shape: value.shape, file };
          });
          await writeFiles(files);
          progress.stop();
          if (options.json) {
            console.out(
              toJson({
                signature: signature.key,
                ran: runner.description,
                milliseconds,
                outputs: written,
              }),
            );
          } else {
            console.out(
              formatTable(
                ['output', 'dtype', 'shape', 'file'],
                written.map(({ name, dtype, shape, file }) => [name, dtype, `[${shape}]`, file]),
              ),
            );
            console.say(`linnet: ran in ${milliseconds.toFixed(2)} ms on ${runner.description}`);
          }
        } finally {
          runner.dispose();
        }
      } finally {
        progress.stop();
      }
    });
}

/** A file name for an output; two names that only differ in replaced characters get a number. */
function uniqueName(name: string, taken: ReadonlyMap<string, unknown>, folder: string): string {
  const base = safeFileName(name);
  let candidate = `${base}.npy`;
  for (let n = 2; taken.has(join(folder, candidate)); n++) candidate = `${base}.${n}.npy`;
  return candidate;
}
