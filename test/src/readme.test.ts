/** The README's commands and samples do what it says. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { temporaryFolder } from './support/linnet.js';
import { ROOT } from './support/paths.js';

interface Sample {
  readonly language: string;
  readonly code: string;
}

/** What the tests are part of themselves, and what does not end. */
const NOT_HERE = /^npm (ci|install|test|start)\b/;

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};
const samples: readonly Sample[] = [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(
  ([, language = '', code = '']) => ({ language, code }),
);
const commands = samples
  .filter(({ language }) => language === 'sh')
  .flatMap(({ code }) => code.split(/\n|&&/))
  .map((line) => line.trim())
  .filter((line) => line !== '' && !line.startsWith('#') && !NOT_HERE.test(line));

/** Where samples run, so that the files they write are not left in the checkout. */
const folder = temporaryFolder();
const project = folder.path('project');
after(() => folder[Symbol.dispose]());
mkdirSync(join(project, 'node_modules'), { recursive: true });
writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
symlinkSync(join(ROOT, 'test'), join(project, 'test'));
symlinkSync(ROOT, join(project, 'node_modules/linnet'));

suite('README', () => {
  test('has commands and samples', () => {
    assert.ok(commands.length > 0 && samples.some(({ language }) => language === 'js'));
  });

  for (const command of commands) {
    test(command, () => {
      const isScript = command.startsWith('npm run');
      const { status, stdout, stderr } = spawnSync(toProgram(command), {
        cwd: isScript ? ROOT : project,
        shell: true,
        encoding: 'utf8',
      });
      assert.equal(status, 0, `${stdout}\n${stderr}`);
    });
  }

  samples
    .filter(({ language }) => language === 'js')
    .forEach(({ code }, index) => {
      test(`JavaScript sample ${index + 1}`, () => {
        writeFileSync(join(project, 'sample.js'), code);
        const { status, stderr } = spawnSync(process.execPath, ['sample.js'], {
          cwd: project,
          encoding: 'utf8',
        });
        assert.equal(status, 0, `${code}\n${stderr}`);
      });
    });
});

/**
 * The command with this checkout's program in place of the installed one, and scripts without the
 * build, which other tests would meet half done.
 */
function toProgram(command: string): string {
  return command
    .replace(/^npm run (\w+)$/, (_, name: string) => scripts[name] ?? '')
    .replace(/npm run build\b[^&]*&&/, '')
    .replace(/^npx linnet\b/, `"${process.execPath}" "${join(ROOT, 'bin.js')}"`);
}
