import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { parseSafetensors } from '@formers/checkpoints';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { signalAt } from '../../../packages/testing/src/index.ts';
import { runCli, TINY } from './run-cli.ts';

let folder: string;
let text: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'formers-pretrain-'));
  text = path.join(folder, 'text.txt');
  await writeFile(text, 'The quick brown fox jumps over the lazy dog.\n'.repeat(40));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const tiny = (out: string, ...more: string[]): string[] => [
  '--text',
  text,
  ...TINY,
  '--out',
  path.join(folder, out),
  ...more,
];

const weightsOf = async (...parts: string[]): Promise<Map<string, string>> => {
  const { tensors } = parseSafetensors(await readFile(path.join(folder, ...parts, 'model.safetensors')));
  return new Map([...tensors].map(([name, { bytes }]) => [name, Buffer.from(bytes).toString('base64')]));
};

describe('pretrain', () => {
  it('says what it does, learns, and ends with a sample and commands', async () => {
    const { code, stdout, stderr } = await runCli(
      'main',
      tiny('plain', '--steps', '30', '--learning-rate', '0.02', '--eval-every', '15'),
    );
    expect(stderr).toBe('');
    expect(code).toBe(0);
    for (const line of [
      /^engine +cpu \(JavaScript, 1 thread\)$/m,
      /^model +GPT-2, [\d,]+ parameters/m,
      /^data +.*text\.txt: 1,800 characters, 30 kinds of tokens/m,
      /^split +1,620 tokens .* 180 held out/m,
      /^steps +30 of 16 tokens/m,
    ]) {
      expect(stdout).toMatch(line);
    }
    const losses = [...stdout.matchAll(/^step +\d+\/30 {2}loss ([\d.]+)/gm)].map(([, loss]) => Number(loss));
    expect(losses.length).toBeGreaterThanOrEqual(4);
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) - 0.3);
    expect(stdout).toMatch(/held-out loss [\d.]+ {2}bits per character [\d.]+$/m);
    expect(stdout).toMatch(/^checkpoint .*checkpoint-30$/m);
    expect(stdout).toMatch(/^sample +npx pnpm@12 generate --model/m);
    expect(stdout).toMatch(/^resume +npx pnpm@12 pretrain --resume/m);
  });

  it('prints JSON records, and nothing else, with --json', async () => {
    const { code, stdout } = await runCli('main', tiny('json', '--steps', '12', '--json'));
    const records = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(code).toBe(0);
    expect(records[0]).toMatchObject({
      step: 1,
      loss: expect.closeTo(Math.log(30), 0),
      learning_rate: expect.any(Number),
      grad_norm: expect.any(Number),
      tokens_per_second: expect.any(Number),
    });
    expect(
      records.some(
        (record) => typeof record['eval_loss'] === 'number' && typeof record['eval_bits_per_character'] === 'number',
      ),
    ).toBe(true);
    expect(records.at(-1)).toMatchObject({
      summary: true,
      step: 12,
      reason: 'completed',
      checkpoint: path.join(folder, 'json', 'checkpoint-12'),
    });
  });

  it('stopped by Ctrl-C and resumed, ends in the same bits as a run that was never stopped', async () => {
    const options = ['--steps', '60', '--save-every', '20', '--dropout', '0.1', '--accumulation-steps', '2', '--json'];
    await runCli('main', tiny('straight', ...options));
    const stopped = await runCli('main', tiny('stopped', ...options), { nodeArgs: signalAt('"step":10,', 'SIGINT') });
    expect(stopped.code).toBe(0);
    const { step, reason } = JSON.parse(stopped.stdout.trim().split('\n').at(-1) ?? '') as {
      step: number;
      reason: string;
    };
    expect(reason).toBe('aborted');
    expect(step).toBeGreaterThanOrEqual(10);
    expect(step).toBeLessThan(60);

    const resumed = await runCli('main', ['--resume', path.join(folder, 'stopped'), '--json']);
    expect(resumed.stderr).toBe('');
    expect(resumed.code).toBe(0);
    expect(await weightsOf('stopped', 'checkpoint-60')).toEqual(await weightsOf('straight', 'checkpoint-60'));
    const sampleOf = (stdout: string): unknown =>
      (JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { sample: unknown }).sample;
    const straight = await runCli('main', ['--resume', path.join(folder, 'straight'), '--json']);
    expect(sampleOf(resumed.stdout)).toBe(sampleOf(straight.stdout));
  });

  it('saves when its terminal is closed, or nobody takes its output any more', async () => {
    const options = ['--steps', '100000', '--json'];
    const closed = await runCli('main', tiny('closed', ...options), { nodeArgs: signalAt('"step":10,', 'SIGHUP') });
    expect(closed.code).toBe(0);
    expect(closed.stdout).toMatch(/"reason":"aborted"/);
    const unread = await runCli('main', tiny('unread', ...options), {
      onOutput: (stdout, stopReading) => {
        if (stdout.includes('"step":10,')) stopReading();
      },
    });
    expect(unread).toMatchObject({ code: 0, stderr: '' });
    for (const run of ['closed', 'unread'])
      expect((await readdir(path.join(folder, run))).some((name) => name.startsWith('checkpoint-'))).toBe(true);
  });

  it('goes on saving and evaluating as it did, and leaves the folder of another run as it is', async () => {
    const often = ['--save-every', '2', '--eval-every', '3'];
    await runCli('main', tiny('often', '--steps', '4', ...often));
    const resumed = await runCli('main', ['--resume', path.join(folder, 'often'), '--steps', '8', '--json']);
    expect(resumed).toMatchObject({ code: 0, stderr: '' });
    const records = resumed.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { step: number; checkpoint?: string; eval_loss?: number });
    const steps = (key: 'checkpoint' | 'eval_loss'): number[] =>
      records.filter((record) => key in record && !('summary' in record)).map(({ step }) => step);
    expect(steps('checkpoint')).toEqual([6, 8]);
    expect(steps('eval_loss')).toEqual([6, 8]);

    const config = path.join(folder, 'often', 'run.json');
    const before = await readFile(config, 'utf8');
    const other = await runCli('main', tiny('often', '--steps', '4', '--seed', '2'));
    expect(other.code).toBe(1);
    expect(other.stderr).toMatch(/^pretrain: .*often: holds checkpoints of another run .*\n$/);
    expect(await readFile(config, 'utf8')).toBe(before);
  });

  it('takes options from a file, which flags override', async () => {
    const config = path.join(folder, 'run.json');
    await writeFile(
      config,
      JSON.stringify({ text: [text], dim: 8, numLayers: 1, numHeads: 2, contextLength: 8, batchSize: 2, steps: 50 }),
    );
    const { code, stdout } = await runCli('main', [
      '--config',
      config,
      '--steps',
      '3',
      '--out',
      path.join(folder, 'config'),
      '--quiet',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ step: 3, tokens_per_step: 16 });
  });

  it('learns byte pairs, and writes with the model', async () => {
    await runCli('main', tiny('bpe', '--tokenizer', 'bpe', '--vocab-size', '300', '--steps', '5'));
    const first = await runCli('generate', [
      '--model',
      path.join(folder, 'bpe'),
      '--prompt',
      'The quick',
      '--max-new-tokens',
      '12',
      '--seed',
      '7',
    ]);
    const second = await runCli('generate', [
      '--model',
      path.join(folder, 'bpe', 'checkpoint-5'),
      '--prompt',
      'The quick',
      '--max-new-tokens',
      '12',
      '--seed',
      '7',
    ]);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout.startsWith('The quick')).toBe(true);
    expect(first.stdout.length).toBeGreaterThan('The quick\n'.length);
    expect(second.stdout).toBe(first.stdout);
  });

  it('writes with any model that can', async () => {
    const fixtures = path.join(import.meta.dirname, '../../../packages/pipelines/test/fixtures');
    const args = ['--prompt', 'The people', '--max-new-tokens', '6', '--temperature', '0'];
    const encoderDecoder = await runCli('generate', ['--model', path.join(fixtures, 't5'), ...args]);
    expect(encoderDecoder).toMatchObject({ code: 0, stderr: '' });
    expect(encoderDecoder.stdout.trim()).not.toBe('');
    expect(encoderDecoder.stdout).not.toContain('The people'); // a text of its own
    const reader = await runCli('generate', ['--model', path.join(fixtures, 'bert'), ...args]);
    expect(reader).toMatchObject({ code: 1, stdout: '' });
    expect(reader.stderr).toMatch(
      /^generate: --model \S+bert is a BertForMaskedLM, which writes no text; of those that do, model_type is one of bart, gpt2/,
    );
  });
});

describe('one clear line and exit code 1', () => {
  const expectRefused = async (
    args: string[],
    message: RegExp,
    command: 'main' | 'generate' = 'main',
  ): Promise<void> => {
    const { code, stdout, stderr } = await runCli(command, args);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  };

  it.each<[string, string[], RegExp]>([
    ['no such file', ['--text', 'no-such-file.txt'], /no-such-file\.txt/],
    ['unknown flag', ['--layers', '3'], /--layers/],
    ['unknown preset', ['--preset', 'huge'], /--preset must be one of .*nano-cpu.*, got "huge"/],
    ['unknown engine', ['--engine', 'abacus'], /--engine must be one of auto, simd, cpu, webgpu, got "abacus"/],
    [
      'unknown data set',
      ['--dataset', 'dune'],
      /--dataset must be one of moby-dick, sotu, moby-dick\+sotu, got "dune"/,
    ],
    ['malformed number', ['--steps', '12x'], /--steps must be a whole number from 1, got "12x"/],
    ['fraction', ['--batch-size', '1.5'], /--batch-size must be a whole number from 1, got "1\.5"/],
    ['out of range', ['--dropout', '1'], /--dropout must be a number from 0 below 1, got "1"/],
    ['missing value', ['--steps'], /--steps/],
    ['stray word', ['moby.txt'], /"moby\.txt" is no option/],
    ['no tokenizer file', ['--tokenizer', 'none.json'], /--tokenizer must be char, bpe or a tokenizer\.json/],
    ['no checkpoint', ['--resume', 'no-such-run'], /no-such-run: there is no such folder/],
    ['no config', ['--config', 'none.json'], /--config none\.json: can't be read: ENOENT/],
    [
      'floor above peak',
      ['--learning-rate', '1e-4', '--min-learning-rate', '1e-3'],
      /--min-learning-rate must be at most/,
    ],
  ])('%s', (_, args, message) => expectRefused([...TINY, ...args], message));

  it('empty, short and binary texts', async () => {
    const write = async (name: string, content: string | Uint8Array): Promise<string> => {
      await writeFile(path.join(folder, name), content);
      return path.join(folder, name);
    };
    await expectRefused(['--text', await write('empty.txt', ''), ...TINY], /empty\.txt/);
    await expectRefused(
      ['--text', await write('short.txt', 'a short one'), ...TINY, '--context-length', '64'],
      /64|short/,
    );
    await expectRefused(
      ['--text', await write('binary.bin', Uint8Array.of(0, 159, 146, 150, 0)), ...TINY],
      /binary\.bin/,
    );
  });

  it('dim that the heads do not divide, and leaves nothing behind', async () => {
    await expectRefused(
      [...tiny('odd'), '--dim', '10', '--num-heads', '3'],
      /--dim must be divisible by --num-heads, got 10 and 3/,
    );
    expect(await readdir(folder)).not.toContain('odd');
  });

  it('an output folder that cannot be written to', async () => {
    const file = path.join(folder, 'a-file');
    await writeFile(file, 'in the way');
    await expectRefused([...tiny('x'), '--out', path.join(file, 'run')], /a-file/);
  });

  it('a resume as another run, and damaged checkpoints', async () => {
    await runCli('main', tiny('resume', '--steps', '4'));
    const run = path.join(folder, 'resume');
    await expectRefused(['--resume', run, '--dim', '16'], /--dim is 8 in the run to resume, got 16/);
    await expectRefused(
      ['--resume', run, '--tokenizer', 'bpe'],
      /--tokenizer is "char" in the run to resume, got "bpe"/,
    );
    await expectRefused(
      ['--model', path.join(run, 'checkpoint-4'), '--prompt', ''],
      /--prompt must be a text that is not empty, got ""/,
      'generate',
    );
    const weights = path.join(run, 'checkpoint-4', 'model.safetensors');
    const bytes = await readFile(weights);
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
    await writeFile(weights, bytes);
    await expectRefused(['--resume', run], /checkpoint-4/);
    await writeFile(weights, bytes.subarray(0, bytes.length - 7));
    await expectRefused(['--model', path.join(run, 'checkpoint-4'), '--prompt', 'x'], /model\.safetensors/, 'generate');
  });

  it('an index whose shard lies outside of its folder', async () => {
    const model = path.join(folder, 'outside');
    await mkdir(model);
    await runCli('main', tiny('for-config', '--steps', '1'));
    for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json']) {
      await writeFile(path.join(model, name), await readFile(path.join(folder, 'for-config', 'checkpoint-1', name)));
    }
    await writeFile(
      path.join(model, 'model.safetensors.index.json'),
      JSON.stringify({ weight_map: { 'wte.weight': '../for-config/checkpoint-1/model.safetensors' } }),
    );
    await expectRefused(['--model', model, '--prompt', 'x'], /\.\.\/for-config/, 'generate');
  });
});
