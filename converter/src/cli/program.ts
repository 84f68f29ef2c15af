import { LinnetError } from '@linnet/schema';
import { Command, CommanderError } from 'commander';
import { benchmarkCommand } from './commands/benchmark.js';
import { convertCommand } from './commands/convert.js';
import { inspectCommand } from './commands/inspect.js';
import { runCommand } from './commands/run.js';
import { verifyCommand } from './commands/verify.js';
import { type Console, errorToJson, toJson, UsageError } from './console.js';
import type { CommandContext } from './context.js';
import { version } from './version.js';

/** Every subcommand; a new one is one file and one line here. */
const COMMANDS = [benchmarkCommand, convertCommand, inspectCommand, runCommand, verifyCommand];

/**
 * Runs the `linnet` command.
 *
 * @param args the arguments after the program's name
 * @returns the exit status: 0 done, 1 the input is at fault, 2 wrong usage
 */
export async function runCommandLine(args: readonly string[], console: Console): Promise<number> {
  const controller = new AbortController();
  const interrupt = () => controller.abort();
  process.once('SIGINT', interrupt);
  try {
    const context: CommandContext = { console, signal: controller.signal, status: 0 };
    await buildProgram(context).parseAsync([...args], { from: 'user' });
    return context.status;
  } catch (error) {
    return report(error, args, console);
  } finally {
    process.off('SIGINT', interrupt);
  }
}

function buildProgram(context: CommandContext): Command {
  const { console } = context;
  const program = new Command('linnet')
    .description('Turns saved machine-learning models into small .tflite files and runs them.')
    .version(version())
    .option('--debug', 'print stack traces of errors')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => console.out(text.trimEnd()),
      writeErr: (text) => console.say(text.trimEnd()),
    })
    .showHelpAfterError('(run linnet --help, or linnet COMMAND --help, for usage)')
    .addHelpText(
      'after',
      '\nExit status: 0 done, 1 the input is at fault, 2 wrong usage.\n' +
        'Results go to stdout, progress and messages to stderr.',
    );
  for (const command of COMMANDS) {
    program.addCommand(command(context).copyInheritedSettings(program));
  }
  return program;
}

function report(error: unknown, args: readonly string[], console: Console): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (args.includes('--debug') && error instanceof Error) console.say(error.stack ?? String(error));
  if (error instanceof UsageError) {
    console.say(`linnet: ${error.message}`);
  } else if (error instanceof LinnetError) {
    console.say(`linnet: ${error.format()}`);
  } else {
    const message = error instanceof Error ? error.message : String(error);
    return report(
      new LinnetError('INTERNAL', message, {}, [
        'This is a defect in Linnet; run again with --debug and report what it prints.',
      ]),
      args.filter((arg) => arg !== '--debug'),
      console,
    );
  }
  if (args.includes('--json')) console.out(toJson({ error: errorToJson(error) }));
  return error instanceof UsageError ? 2 : 1;
}
