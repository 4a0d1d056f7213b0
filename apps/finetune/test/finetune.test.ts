import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { parseOptions } from '@formers/cli';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { finetune } from '../src/finetune.ts';
import { FINETUNE_OPTIONS } from '../src/options.ts';
import { signalAt } from '../../../packages/testing/src/index.ts';
import { runCli, runScript } from './support/run-cli.ts';
import { EXAMPLES, writeTinyModels } from './support/tiny-models.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'formers-finetune-'));
  await writeTinyModels(path.join(folder, 'models'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const out = (name: string): string => path.join(folder, name);

/** A short run on an example file. */
function tiny(
  name: string,
  { task, model, data }: { task: string; model: string; data: string },
  ...more: string[]
): string[] {
  const files = ['--model', path.join(folder, 'models', model), '--data', path.resolve(EXAMPLES, data)];
  const short = ['--steps', '2', '--batch-size', '4', '--eval-every', '1', '--validation', '0.25'];
  return ['--task', task, ...files, ...short, '--out', out(name), ...more];
}

const SENTIMENT = { task: 'text-classification', model: 'bert', data: 'sentiment.csv' };

interface Summary {
  reason: string;
  step: number;
  best: Record<string, number>;
  best_step: number;
}

async function summaryOf(args: string[]): Promise<Summary> {
  const { code, stdout, stderr } = await runCli([...args, '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Summary;
}

describe('finetune', () => {
  it('classifies texts: report, best model, card, and a command that works', async () => {
    const learning = ['--steps', '30', '--learning-rate', '0.01', '--eval-every', '15'];
    const nouns = ['film', 'soup', 'book', 'lamp', 'room', 'game', 'garden', 'concert', 'children', 'value'];
    const rows = nouns.flatMap((noun) => [`a lovely ${noun},positive`, `a dull ${noun},negative`]);
    await writeFile(out('easy.csv'), ['text,label', ...rows].join('\n'));
    const easy = { ...SENTIMENT, data: out('easy.csv') };
    const { code, stdout, stderr } = await runCli(tiny('sentiment', easy, ...learning));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const losses = [...stdout.matchAll(/^step +\d+\/30 {2}loss ([\d.]+)/gm)].map(([, loss]) => Number(loss));
    expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 2);
    expect(stdout).toMatch(/^new +bert\.pooler\.dense\.weight, .*classifier\.bias$/m);
    expect(stdout).toMatch(/^split +15 texts to learn, 5 held out$/m);
    expect(stdout).toMatch(/^ *is \\ as +negative +positive$/m);
    expect(stdout).toMatch(/^best +step \d+: loss [\d.]+ {2}accuracy 100\.00 %/m);

    const names = await readdir(out('sentiment'));
    for (const name of ['README.md', 'config.json', 'model.safetensors', 'tokenizer.json', 'run.json'])
      expect(names).toContain(name);
    expect(names).not.toContain('.tmp-best');
    const config: unknown = JSON.parse(await readFile(path.join(out('sentiment'), 'config.json'), 'utf8'));
    expect(config).toMatchObject({
      architectures: ['BertForSequenceClassification'],
      id2label: { 0: 'negative', 1: 'positive' },
    });
    const card = await readFile(path.join(out('sentiment'), 'README.md'), 'utf8');
    expect(card).toMatch(/^---\nlibrary_name: transformers\nbase_model: /);
    expect(card).toMatch(/^ {4}- type: accuracy\n {6}value: [\d.]+$/m);
    expect(card).toContain('| learningRate | 0.01 |');

    const [, args = ''] = /^use +npx pnpm@12 run pipeline (.*)$/m.exec(stdout) ?? [];
    const [, text = ''] = /'([^']*)'$/.exec(args) ?? [];
    expect(args).toMatch(/--task text-classification '/);
    const use = ['--engine', 'cpu', '--task', 'text-classification', '--model', out('sentiment'), text, '--json'];
    const used = await runScript('pipeline/src/main.ts', use);
    expect(used.stderr).toBe('');
    expect(used.stdout).toMatch(/"label":"(positive|negative)"/);
  });

  it('tags words, and reports entities', async () => {
    const { best } = await summaryOf(
      tiny('tags', { task: 'token-classification', model: 'bert', data: 'named-entities.jsonl' }),
    );
    expect(best).toMatchObject({ accuracy: expect.any(Number) as number, f1: expect.any(Number) as number });
  });

  it('finds answers', async () => {
    const { best } = await summaryOf(
      tiny('answers', { task: 'question-answering', model: 'bert', data: 'questions.jsonl' }, '--max-length', '64'),
    );
    expect(best).toMatchObject({ exact_match: expect.any(Number) as number, f1: expect.any(Number) as number });
  });

  it.each([
    ['translates', 'translation.jsonl'],
    ['sums up', 'summaries.csv'],
  ])('%s', async (name, data) => {
    const { best } = await summaryOf(tiny(name.replaceAll(' ', '-'), { task: 'seq2seq', model: 't5', data }));
    expect(best).toMatchObject({ bleu: expect.any(Number) as number, chrf: expect.any(Number) as number });
  });

  it('goes on with texts', async () => {
    const { best } = await summaryOf(tiny('proverbs', { task: 'causal-lm', model: 'gpt', data: 'proverbs.txt' }));
    expect(best['perplexity']).toBeCloseTo(Math.exp(best['loss'] ?? 0), 8);
  });

  it('classifies images', async () => {
    const { best } = await summaryOf(tiny('shapes', { task: 'image-classification', model: 'vit', data: 'shapes' }));
    expect(best['accuracy']).toBeGreaterThanOrEqual(0);
    expect(await readdir(out('shapes'))).toContain('preprocessor_config.json');
  });

  it('makes a classifier of a masked autoencoder', async () => {
    await summaryOf(tiny('painter', { task: 'image-classification', model: 'mae', data: 'shapes' }));
    const config: unknown = JSON.parse(await readFile(path.join(out('painter'), 'config.json'), 'utf8'));
    expect(config).toMatchObject({
      architectures: ['ViTForImageClassification'],
      id2label: { 0: 'circle', 1: 'square' },
    });
  });

  it('gives a decoder without a padding token one', async () => {
    await summaryOf(tiny('decoder', { ...SENTIMENT, model: 'gpt' }, '--too-long', 'cut'));
    const read = async (name: string): Promise<unknown> =>
      JSON.parse(await readFile(path.join(out('decoder'), name), 'utf8'));
    expect(await read('tokenizer_config.json')).toMatchObject({ pad_token: '</s>', eos_token: '</s>' });
    const { pad_token_id: pad, eos_token_id: eos } = (await read('config.json')) as Record<string, unknown>;
    expect(pad).toBe(eos);
  });

  it('trains adapters, and merges them', async () => {
    const lora = ['--lora', '--lora-rank', '2', '--merge', '--learning-rate', '0.01'];
    const { best } = await summaryOf(tiny('lora', SENTIMENT, ...lora));
    const names = await readdir(out('lora'));
    expect(names).toContain('adapter_model.safetensors');
    expect(names).not.toContain('model.safetensors');
    const adapter: unknown = JSON.parse(await readFile(path.join(out('lora'), 'adapter_config.json'), 'utf8'));
    expect(adapter).toMatchObject({ peft_type: 'LORA', r: 2, target_modules: ['query', 'value'] });
    const card = await readFile(path.join(out('lora'), 'README.md'), 'utf8');
    expect(card).toMatch(/^npx pnpm@12 run pipeline --model lora\/merged --task text-classification '/m);
    const merged = tiny('merged', { ...SENTIMENT, model: '../lora/merged' }, '--steps', '1', '--learning-rate', '0');
    expect((await summaryOf(merged)).best['loss']).toBeCloseTo(best['loss'] ?? 0, 5); // the same split, weights unmoved
  });

  it('starts from scratch with the shape of a model', async () => {
    const args = ['--steps', '1', '--learning-rate', '0'];
    const trained = await summaryOf(tiny('sentiment-2', { ...SENTIMENT, model: '../sentiment' }, ...args));
    const scratch = await summaryOf(
      tiny('scratch', { ...SENTIMENT, model: '../sentiment' }, ...args, '--from-scratch'),
    );
    expect(Math.abs((scratch.best['loss'] ?? 0) - Math.LN2)).toBeLessThan(0.1); // two classes, nothing known
    expect(scratch.best['loss']).not.toBeCloseTo(trained.best['loss'] ?? 0, 4);
  });

  it.each([
    ['whole models', []],
    ['adapters', ['--lora', '--lora-dropout', '0.1']],
  ])('stopped by Ctrl-C and resumed, ends in the same bits: %s', async (name, more) => {
    const weights = more.length > 0 ? 'adapter_model.safetensors' : 'model.safetensors';
    const options = ['--steps', '10', '--accumulation-steps', '2', '--eval-every', '5', '--learning-rate', '0.01'];
    const run = (to: string): string[] => tiny(`${name}-${to}`, SENTIMENT, ...options, ...more);
    await summaryOf(run('straight'));
    const stopped = await runCli([...run('stopped'), '--json'], signalAt('"step":1,', 'SIGINT'));
    const { reason, step } = JSON.parse(stopped.stdout.trim().split('\n').at(-1) ?? '') as Summary;
    expect(reason).toBe('aborted');
    expect(step).toBeLessThan(10);
    await summaryOf(['--resume', out(`${name}-stopped`)]);
    const bytes = (to: string): Promise<Buffer> => readFile(path.join(out(`${name}-${to}`), 'checkpoint-10', weights));
    expect((await bytes('stopped')).equals(await bytes('straight'))).toBe(true);
  });
});

describe('one clear line and exit code 1', () => {
  const signal = new AbortController().signal;
  /** The command itself, without a process for each case. */
  const expectRefused = async (args: string[], message: RegExp): Promise<void> => {
    const given = parseOptions(['--engine', 'cpu', '--quiet', ...args], FINETUNE_OPTIONS);
    const error: unknown = await finetune(given, { signal }).catch((reason: unknown) => reason);
    const text = error instanceof Error ? error.message : 'no error';
    expect(text).toMatch(message);
    expect(text.split('\n')).toHaveLength(1);
  };
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(out(name), text);
    return out(name);
  };

  it('on the command line', async () => {
    const { code, stdout, stderr } = await runCli(['--task', 'chess']);
    expect(stderr).toMatch(/^finetune: --task must be one of text-classification, .*, got "chess"\n$/);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });

  it.each<[string, string[], RegExp]>([
    ['no task', ['--model', 'x', '--data', 'y'], /--task is missing/],
    [
      "another task's data set",
      ['--task', 'seq2seq', '--model', 'x', '--data', 'brown'],
      /--data brown is for --task token-classification/,
    ],
    [
      'adapters without --lora',
      ['--task', 'seq2seq', '--model', 'x', '--data', 'y', '--lora-rank', '4'],
      /needs --lora/,
    ],
    ['no run', ['--resume', 'no-such-run'], /no-such-run/],
  ])('%s', (_, args, message) => expectRefused(args, message));

  it('columns, labels and pairs that are wrong', async () => {
    const given = (data: string, task: string, ...more: string[]): string[] => [
      ...['--task', task, '--model', path.join(folder, 'models/bert'), '--data', data, ...more],
    ];
    const csv = await file('wrong.csv', 'review,label\ngood,yes\nbad,no\nfine,yes\n');
    await expectRefused(given(csv, 'text-classification'), /wrong\.csv, row 1: there is no column "text" .*"review"/);
    await expectRefused(given(csv, 'text-classification', '--columns', 'text=reviews'), /"reviews"/);
    const one = await file('one.csv', 'text,label\ngood,yes\nbad,yes\nfine,yes\n');
    await expectRefused(given(one, 'text-classification'), /one class only, yes/);
    const other = await file('other.csv', 'text,label\ngood,perhaps\n');
    const validation = ['--columns', 'text=review', '--validation-data', other];
    await expectRefused(given(csv, 'text-classification', ...validation), /other\.csv, row 1: .*"review"/);
    const labelled = await file('labelled.csv', 'text,label\ngood,yes\nbad,no\n');
    await expectRefused(
      given(labelled, 'text-classification', '--validation-data', other),
      /other\.csv, row 1: column "label" must be .*no, yes, got "perhaps"/,
    );
    const pairs = await file('pairs.jsonl', '{"tokens":["a","b"],"tags":["X"]}\n'.repeat(3));
    await expectRefused(given(pairs, 'token-classification'), /2 words in "tokens" but 1 tags/);
    const answers = '{"question":"q","context":"abc","answers":{"text":["x"],"answer_start":[0]}}\n';
    await expectRefused(given(await file('answers.jsonl', answers.repeat(3)), 'question-answering'), /answers\.jsonl/);
    await expectRefused(given(await file('empty.csv', 'text,label\n'), 'text-classification'), /no rows/);
    await expectRefused(given(await file('single.csv', 'text,label\na,b\n'), 'text-classification'), /1 row/);
  });

  it('texts that are too long, and lengths that the model does not take', async () => {
    const long = await file('long.csv', `text,label\n${'word '.repeat(200)},yes\nshort,no\nshorter,no\n`);
    const args = ['--task', 'text-classification', '--model', path.join(folder, 'models/bert'), '--data', long];
    await expectRefused(args, /long\.csv, row 1: \d+ tokens, at most 128 fit/);
    await expectRefused([...args, '--max-length', '129'], /--max-length must be at most 128/);
  });

  it('images that are none, and no images', async () => {
    for (const name of ['a', 'b']) {
      await mkdir(out(`broken/${name}`), { recursive: true });
      for (const number of [1, 2, 3]) await writeFile(out(`broken/${name}/${number}.png`), 'no image');
    }
    const model = ['--model', path.join(folder, 'models/vit'), '--out', out('broken-run')];
    const args = ['--task', 'image-classification', ...model, '--data'];
    await expectRefused([...args, out('broken')], /\d\.png/);
    await expectRefused([...args, out('models')], /no images in/);
    await expectRefused([...args, 'no-such-folder'], /no-such-folder/);
    await rm(out('broken/b'), { recursive: true });
    await expectRefused([...args, out('broken')], /one class only, a/);
  });

  it('a resume as another run', async () => {
    const resume = ['--resume', out('sentiment')];
    await expectRefused([...resume, '--task', 'seq2seq'], /--task is "text-classification" in the run to resume/);
    await expectRefused([...resume, '--learning-rate', '1'], /--learning-rate is 0\.01 in the run to resume, got 1/);
    await expectRefused(
      [...resume, '--steps', '1'],
      /--steps must be at least \d+, as many as the run has made already/,
    );
    const pretrained = out('pretrained');
    await cp(out('sentiment'), pretrained, { recursive: true });
    await writeFile(path.join(pretrained, 'run.json'), '{"family": "bert", "steps": 100}');
    await expectRefused(['--resume', pretrained], /is a run of pretrain: npx pnpm@12 pretrain --resume/);
  });
});
