#!/usr/bin/env node
// The process behind `tender`: it runs what was typed, writes all that it has to say, and ends.
import { runCommandLine } from './command-line.js';
import { INTERRUPTED } from './interrupt.js';

// Whoever reads only the beginning (`tender up | head`) has read enough: end, and quietly.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

await runCommandLine(process.argv.slice(2));
// A pipe takes what is long piece by piece: all of it, unless somebody would have it end now.
if (process.exitCode !== INTERRUPTED) await new Promise((written) => process.stdout.write('', written));
// Sockets of clients that still try to reconnect must not keep a finished command alive.
process.exit();
