/** The packages as npm publishes them, installed into an empty project. */
import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fixturePath } from '../support/fixtures.js';
import { temporaryFolder } from '../support/linnet.js';
import { ROOT } from '../support/paths.js';

/** What a user's install of linnet takes. */
const WORKSPACES = ['schema', 'runtime-wasm', 'runtime-web', 'converter'];

interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

const folder = temporaryFolder();
const project = folder.path('project');
after(() => folder[Symbol.dispose]());

function execute(
  cwd: string,
  command: string,
  ...args: readonly string[]
): SpawnSyncReturns<string> {
  return spawnSync(command, args, { cwd, encoding: 'utf8' });
}

suite('the published packages', () => {
  let packed: readonly Packed[];
  /** Why the packages' own dependencies cannot be installed here. */
  let unreachable: string | false = false;

  before(() => {
    const workspaces = WORKSPACES.flatMap((name) => ['-w', name]);
    const result = execute(
      ROOT,
      'npm',
      ...[
        'pack',
        '--json',
        '--silent',
        '--include-workspace-root',
        '--pack-destination',
        folder.path('.'),
      ],
      ...workspaces,
    );
    assert.equal(result.status, 0, result.stderr);
    packed = JSON.parse(result.stdout) as Packed[];
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
    const tarballs = packed.map(({ filename }) => folder.path(filename));
    const { status, stderr } = execute(
      project,
      'npm',
      ...[
        'install',
        '--prefer-offline',
        '--no-audit',
        '--no-fund',
        '--ignore-scripts',
        ...tarballs,
      ],
    );
    if (/E(NOTFOUND|CONNREFUSED|TIMEDOUT|AI_AGAIN)|network/.test(stderr)) {
      unreachable = 'the package registry cannot be reached';
    } else assert.equal(status, 0, stderr);
  });

  test('hold what runs and nothing else', () => {
    assert.deepEqual(packed.map(({ name }) => name).sort(), [
      '@linnet/converter',
      '@linnet/runtime-wasm',
      '@linnet/runtime-web',
      '@linnet/schema',
      'linnet',
    ]);
    for (const { name, files } of packed) {
      const strangers = files
        .map(({ path }) => path)
        .filter((path) => !/^((dist|bin)\/|[\w.-]+\.(js|d\.ts|json|md|fbs)$|LICENSE$)/.test(path));
      assert.deepEqual(strangers, [], name);
      assert.ok(
        files.some(({ path }) => path === 'LICENSE'),
        `${name} has no LICENSE`,
      );
    }
    const { files = [] } = packed.find(({ name }) => name.endsWith('runtime-wasm')) ?? {};
    assert.equal(files.filter(({ path }) => path.endsWith('.wasm')).length, 4);
  });

  test('give the linnet command', (t) => {
    if (unreachable) return t.skip(unreachable);
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const asked = execute(project, 'npx', 'linnet', '--version');
    assert.deepEqual([asked.stdout.trim(), asked.status], [version, 0], asked.stderr);
    const converted = execute(
      project,
      'npx',
      'linnet',
      'convert',
      fixturePath('cnn/export'),
      '-o',
      'digits.tflite',
    );
    assert.equal(converted.status, 0, converted.stderr);
  });

  test('give the runtime and the converter', (t) => {
    if (unreachable) return t.skip(unreachable);
    writeFileSync(
      join(project, 'program.js'),
      `import { loadModel } from 'linnet';
       import { convert } from 'linnet/convert';
       const { bytes } = await convert(${JSON.stringify(fixturePath('cnn/export'))}, { optimize: 'default' });
       const model = await loadModel(bytes, { threads: 2 });
       const { output_0 } = await model.run([new Float32Array(64)]);
       console.log(output_0.shape.join());
       model.dispose();`,
    );
    const { stdout, stderr } = execute(project, process.execPath, 'program.js');
    assert.equal(stdout.trim(), '1,10', stderr);
  });
});
