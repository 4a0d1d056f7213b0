/**
 * A run that tells what it is doing, until somebody kills it: `node random-kill-child.ts <out>`. Says `ready`, waits for a byte, then writes a line for each
 * thing that it begins, and each checkpoint and the end as JSON.
 */
import { readSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { cpu, useBackend } from '@formers/backend';

import { type FileSystem, nodeFileSystem } from '../src/index.ts';
import { saving } from './faults.ts';
import { collect, evaluate, toyRun } from './toy-run.ts';

const say = (line: string): void => void writeSync(1, `${line}\n`);
const out = process.argv[2] as string;
let doing = 'begin';
const begin = (name: string): void => say((doing = name));

/** The disk, flushes included, that says what it does. */
function telling(disk: FileSystem): FileSystem {
  const calls = Object.entries(disk) as [keyof FileSystem, (...args: unknown[]) => Promise<unknown>][];
  const told = calls.map(([name, call]) => {
    const method = async (...args: unknown[]): Promise<unknown> => {
      const path = String(args.at(-1) instanceof Uint8Array ? args[0] : args.at(-1));
      const file = path === out ? 'the run folder' : basename(path).replace(/^\.tmp-/, 'temporary ');
      say(`${name} ${file.replace(/checkpoint-\d+/, 'checkpoint')}`);
      try {
        return await call(...args);
      } finally {
        say(doing);
      }
    };
    return [name, method];
  });
  return Object.fromEntries(told) as unknown as FileSystem;
}

await useBackend(cpu());
using run = await toyRun({
  out,
  fileSystem: telling(nodeFileSystem()),
  evaluate: async () => {
    begin('evaluation');
    const metrics = await evaluate(run.model);
    begin('between steps');
    return metrics;
  },
  ...saving,
});
const { optimizer } = run;
const accumulate = optimizer.accumulate.bind(optimizer);
const step = optimizer.step.bind(optimizer);
const state = optimizer.state.bind(optimizer);
optimizer.accumulate = (loss, options) => {
  begin('training step: loss and gradients');
  accumulate(loss, options);
};
optimizer.step = (options) => {
  begin('training step: update');
  const result = step(options);
  begin('between steps');
  return result;
};
optimizer.state = () => {
  begin('checkpoint: values');
  return state();
};
say('ready');
readSync(0, Buffer.alloc(1));
begin('begin');
await collect(run.trainer, ({ type, step }) => {
  if (type === 'checkpoint') say(JSON.stringify({ type, step }));
  begin('between steps');
});
say('over');
