import { LinnetError, OPS, type OpName } from '@linnet/schema';

/** An error about a recipe. */
export function badRecipe(found: string, ...notes: readonly string[]): LinnetError {
  return new LinnetError('INVALID_ARGUMENT', `not a recipe: ${found}`, {}, notes);
}

/** The fields of an object that may have no others. */
export function expectObject<K extends string>(
  value: unknown,
  what: string,
  keys: readonly K[],
): { readonly [Key in K]?: unknown } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRecipe(`${what} is no object`);
  }
  const unknown = Object.keys(value).find((key) => !keys.some((known) => known === key));
  if (unknown === undefined) return value;
  throw badRecipe(`${what} has ${JSON.stringify(unknown)}`, `Known are ${keys.join(', ')}.`);
}

/** A field that must be one of some values. */
export function expectOneOf<T>(value: unknown, what: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  const names = choices.map((choice) => JSON.stringify(choice)).join(', ');
  throw badRecipe(`${what} is ${JSON.stringify(value)}`, `Expected one of ${names}.`);
}

export function expectOp(value: unknown, where: string): OpName {
  if (typeof value === 'string' && Object.hasOwn(OPS, value)) return value as OpName;
  throw badRecipe(`${where}: there is no op ${JSON.stringify(value)}`);
}

export function expectPattern(value: unknown, where: string): string {
  if (typeof value !== 'string')
    throw badRecipe(`${where}: ${JSON.stringify(value)} is no pattern`);
  try {
    new RegExp(value);
    return value;
  } catch (cause) {
    throw badRecipe(`${where}: ${(cause as Error).message}`);
  }
}
