/** What has been measured about decisions: the file format, and what it overrules. */

import type { TunedChoice, Tuning } from '../api.js';
import { LinnetError } from '../base.js';
import type { Overrule } from '../plan/choice.js';

/** The version of the format. Others are left alone: what they know is measured again. */
export const VERSION = 1;

/** What was measured in one environment: by signature, then by decision. */
export type Measured = ReadonlyMap<string, ReadonlyMap<string, TunedChoice>>;

/**
 * What a tuning says about an environment. Whatever it says of signatures, decisions and candidates that
 * planning does not ask for has no effect.
 *
 * @throws LinnetError of code INVALID_ARGUMENT for what is no tuning
 */
export function overruleOf(tuning: Tuning, environment: string): Overrule {
  const measured = readTuning(tuning).get(environment);
  return (signature, decision) => measured?.get(signature)?.get(decision)?.take;
}

/** A tuning with what was measured in an environment, in the place of what it knew of the same ops. */
export function addTo(tuning: Tuning | undefined, environment: string, found: Measured): Tuning {
  const environments = new Map(tuning && readTuning(tuning));
  const known = environments.get(environment) ?? new Map();
  environments.set(environment, new Map([...known, ...found]));
  return {
    linnetTuning: VERSION,
    environments: toRecord(environments, (ops) =>
      toRecord(ops, (choices) => toRecord(choices, (choice) => choice)),
    ),
  };
}

function toRecord<T, U>(map: ReadonlyMap<string, T>, convert: (value: T) => U): Record<string, U> {
  return Object.fromEntries([...map].map(([key, value]) => [key, convert(value)]));
}

function readTuning(tuning: unknown): ReadonlyMap<string, Measured> {
  const { linnetTuning: version, environments } = record(tuning, 'The tuning');
  if (typeof version !== 'number') throw wrong('"linnetTuning"', 'a number', version);
  if (version !== VERSION) return new Map();
  return toMap(environments, '"environments"', (ops, environment) =>
    toMap(ops, `"${environment}"`, (choices, signature) =>
      toMap(choices, `"${signature}"`, (choice, decision) => {
        const { take, milliseconds } = record(choice, `"${decision}" of "${signature}"`);
        if (typeof take !== 'string') throw wrong(`"take" of "${signature}"`, 'a string', take);
        const times = toMap(milliseconds, `"milliseconds" of "${signature}"`, (time) => {
          if (typeof time === 'number') return time;
          throw wrong(`"milliseconds" of "${signature}"`, 'numbers', time);
        });
        return { take, milliseconds: Object.fromEntries(times) };
      }),
    ),
  );
}

function toMap<T>(
  value: unknown,
  what: string,
  convert: (value: unknown, key: string) => T,
): ReadonlyMap<string, T> {
  const entries = Object.entries(record(value, what));
  return new Map(entries.map(([key, item]) => [key, convert(item, key)]));
}

function record(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw wrong(what, 'an object', value);
}

function wrong(what: string, expected: string, found: unknown): LinnetError {
  const kind = found === null ? 'null' : Array.isArray(found) ? 'an array' : typeof found;
  return new LinnetError('INVALID_ARGUMENT', `${what} is ${kind}; expected ${expected}.`, {}, [
    'A tuning is what tuneModel gives and what `linnet benchmark --tune` writes, parsed from JSON.',
  ]);
}
