import { Command, Option } from 'commander';
import { openRunner } from '../../verify/open-runner.js';
import { randomInputs, seededRandom } from '../../verify/random-inputs.js';
import { selectSignature, verify } from '../../verify/verify.js';
import { formatTable, toJson, UsageError } from '../console.js';
import type { CommandContext } from '../context.js';
import { loadInputs } from '../inputs.js';
import { inputOption, jsonOption, nonNegative, signatureOption, wholeNumber } from '../options.js';
import { createProgress } from '../progress.js';

interface VerifyOptions {
  readonly input: readonly string[];
  readonly random?: number;
  readonly seed: number;
  readonly tolerance: number;
  readonly signature?: string;
  readonly json?: true;
}

/** `linnet verify`: how far two models are apart on the same inputs. */
export function verifyCommand(context: CommandContext): Command {
  return new Command('verify')
    .description('Run two models on the same inputs and compare their outputs.')
    .argument('<a>', 'the model to judge')
    .argument('<b>', 'the model to judge it by')
    .addOption(inputOption())
    .addOption(
      new Option('--random <n>', 'compare on n sets of random inputs').argParser(wholeNumber(1)),
    )
    .addOption(
      new Option('--seed <s>', 'seed of the random inputs').default(1).argParser(wholeNumber(0)),
    )
    .addOption(
      new Option('--tolerance <t>', 'largest absolute error that passes')
        .default(1e-4)
        .argParser(nonNegative),
    )
    .addOption(signatureOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExit status: 0 within the tolerance, 1 past it.')
    .action(async (a: string, b: string, options: VerifyOptions) => {
      if (options.input.length > 0 === (options.random !== undefined)) {
        throw new UsageError('give either --input or --random');
      }
      const { console, signal } = context;
      const progress = createProgress(console);
      const onProgress = (stage: string, done: number, total: number) =>
        progress.update(stage, done, total);
      try {
        const expected = await openRunner(b, { backend: 'wasm', threads: 1, signal, onProgress });
        const actual = await openRunner(a, { backend: 'wasm', threads: 1, signal, onProgress });
        try {
          const signature = selectSignature(expected, options.signature);
          const random = seededRandom(options.seed);
          const inputSets =
            options.random === undefined
              ? [await loadInputs(options.input, signature)]
              : Array.from({ length: options.random }, () =>
                  randomInputs(signature.inputs, random),
                );
          const outputs = await verify(actual, expected, inputSets, {
            signature: signature.key,
            signal,
            onProgress: (done, total) => onProgress('comparing', done, total),
          });
          progress.stop();
          const passed = outputs.every(
            ({ maxAbsoluteError }) => maxAbsoluteError <= options.tolerance,
          );
          if (options.json) {
            console.out(
              toJson({ passed, tolerance: options.tolerance, runs: inputSets.length, outputs }),
            );
          } else {
            console.out(
              formatTable(
                ['output', 'max abs error', 'relative', 'cosine', 'SQNR dB'],
                outputs.map((difference) => [
                  difference.output,
                  difference.maxAbsoluteError.toExponential(2),
                  difference.relativeError.toExponential(2),
                  difference.cosine.toFixed(6),
                  difference.sqnr.toFixed(1),
                ]),
              ),
            );
          }
          if (!passed) {
            console.say(`linnet: the error is past the tolerance of ${options.tolerance}`);
            context.status = 1;
          }
        } finally {
          actual.dispose();
          expected.dispose();
        }
      } finally {
        progress.stop();
      }
    });
}
