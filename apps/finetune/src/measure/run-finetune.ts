import { spawn } from 'node:child_process';
import path from 'node:path';

/** What the last record of `finetune --json` tells, as far as it is needed. */
export interface FinetuneSummary {
  readonly best: Readonly<Record<string, number>>;
  readonly seconds: number;
}

/** Runs `finetune` in a process of its own, as a user would. */
export function runFinetune(args: readonly string[]): Promise<FinetuneSummary> {
  const script = path.join(import.meta.dirname, '../main.ts');
  const child = spawn(process.execPath, [script, ...args, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      const last = text.trim().split('\n').at(-1) ?? '';
      if (code === 0 && last.startsWith('{"summary":true')) resolve(JSON.parse(last) as FinetuneSummary);
      else reject(new Error(`finetune ${args.join(' ')} ended with ${code}`));
    });
  });
}
