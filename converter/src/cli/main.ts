#!/usr/bin/env node
import { processConsole } from './console.js';
import { runCommandLine } from './program.js';

process.exitCode = await runCommandLine(process.argv.slice(2), processConsole());
