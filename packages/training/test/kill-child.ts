/** A run that kills itself at one change of the disk: `node kill-child.ts <out> <index> before|half|after`. Prints each checkpoint when it is told. */
import { writeSync } from 'node:fs';
import { cpu, useBackend } from '@formers/backend';

import { faultyFileSystem, writeHalf } from './faulty-file-system.ts';
import { saving } from './faults.ts';
import { collect, toyRun } from './toy-run.ts';

const [out, at, moment] = process.argv.slice(2);
await useBackend(cpu());
const fileSystem = faultyFileSystem(async ({ index, name, args, perform }) => {
  const isHere = index === Number(at);
  if (isHere && moment === 'before') process.kill(process.pid, 'SIGKILL');
  if (isHere && moment === 'half' && name === 'write') await writeHalf(args);
  else await perform();
  if (isHere) process.kill(process.pid, 'SIGKILL');
});
using run = await toyRun({ out: out as string, fileSystem, ...saving });
await collect(run.trainer, ({ type, step }) => writeSync(1, `${JSON.stringify({ type, step })}\n`));
