import { type Command, InvalidArgumentError, Option } from 'commander';
import { parsePreprocess } from '../data/index.js';

/** Parses a whole number of at least `low`; commander turns the error into wrong usage. */
export function wholeNumber(low: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < low) {
      throw new InvalidArgumentError(`Expected a whole number of at least ${low}.`);
    }
    return value;
  };
}

/** Parses a number of at least zero. */
export function nonNegative(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0)) {
    throw new InvalidArgumentError('Expected a number of at least 0.');
  }
  return value;
}

/** Gathers the values of an option that may be given several times. */
export function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}

/**
 * Refuses a command without an option, as a hook: commander's own mandatory options are missed before an
 * unknown one is named, which may be the same one misspelt.
 */
export function requireOption(flags: string): (program: Command, command: Command) => void {
  return (_, command) => {
    const option = command.options.find((own) => own.flags === flags);
    if (option !== undefined && command.getOptionValue(option.attributeName()) === undefined) {
      command.error(`error: required option '${flags}' not specified`);
    }
  };
}

// Options that several commands share, so that they read and mean the same everywhere.

export const signatureOption = () =>
  new Option('--signature <name>', 'signature to use, where the model has several');

export const inputOption = () =>
  new Option('--input <name=file.npy>', 'an input from a .npy file, or all from a .npz; repeatable')
    .default([], 'none')
    .argParser(collect);

export const preprocessOption = () =>
  new Option(
    '--preprocess <settings>',
    'how pictures become numbers, as in resize:224,mean:127.5,std:127.5',
  ).argParser(parsePreprocess);

export const backendOption = () =>
  new Option('--backend <name>', 'what runs the model')
    .choices(['wasm', 'webgpu', 'reference'])
    .default('wasm');

export const threadsOption = () =>
  new Option('--threads <n>', 'threads of the wasm backend').default(1).argParser(wholeNumber(1));

export const jsonOption = () => new Option('--json', 'print the results as JSON');
