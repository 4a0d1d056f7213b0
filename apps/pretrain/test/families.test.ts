import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { cpu, useBackend } from '@formers/backend';
import { BertForSequenceClassification, RobertaForTokenClassification } from '@formers/bert';
import { Tokenizer } from '@formers/tokenizers';
import { tensor2d } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { runCli } from './run-cli.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'formers-families-'));
  await writeFile(path.join(folder, 'text.txt'), someSentences(700));
  const pairs = Array.from({ length: 60 }, (_, i) => `${word(i)} ${word(7 * i)},${word(7 * i)} ${word(i)}`);
  await writeFile(path.join(folder, 'pairs.csv'), ['source,target', ...pairs].join('\n'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const SYLLABLES = ['ba', 'ro', 'ti', 'ne', 'ku', 'sal', 'mor', 'den'];

function word(number: number): string {
  const [first, second] = [SYLLABLES[number % 8], SYLLABLES[Math.floor(number / 8) % 8]];
  return number % 3 === 0 ? `${first}` : `${first}${second}`;
}

/** Lines of sentences without much sense, the same ones each time. */
function someSentences(count: number): string {
  const sentence = (i: number): string => {
    const words = Array.from({ length: 5 + (i % 4) }, (_, j) => word(i * 31 + j * j * 17));
    return `${words.join(' ')}.`.replace(/^./, (letter) => letter.toUpperCase());
  };
  return Array.from({ length: count }, (_, i) => sentence(i)).join('\n');
}

const SIZES = ['--dim', '8', '--num-layers', '1', '--num-heads', '2', '--batch-size', '2', '--warmup-steps', '0'];
const TEXT = [...SIZES, '--context-length', '24', '--vocab-size', '320'];

/** Each family with its objectives: options of its own, what it says, what it evaluates, and what config.json is. */
const FAMILIES: [string, { options: string[]; file?: string; says: RegExp; metrics: string[]; config: object }][] = [
  [
    'bert',
    {
      options: TEXT,
      says: /^model +BERT, [\d,]+ parameters: 1 layer, 2 heads, 8 wide, sequences of 24 tokens$/m,
      metrics: ['masked_loss', 'masked_accuracy', 'next_sentence_loss', 'next_sentence_accuracy'],
      config: { model_type: 'bert', architectures: ['BertForPreTraining'], vocab_size: expect.any(Number) },
    },
  ],
  [
    'bert --objective mlm --whole-words',
    {
      options: TEXT,
      says: /^split +[\d,]+ sequences of \d+ documents to learn, \d+ of \d+ held out/m,
      metrics: ['masked_accuracy'],
      config: { architectures: ['BertForMaskedLM'] },
    },
  ],
  [
    'roberta',
    {
      options: TEXT,
      says: /kinds of tokens \(byte pairs\)$/m,
      metrics: ['masked_accuracy'],
      config: { model_type: 'roberta', architectures: ['RobertaForMaskedLM'], max_position_embeddings: 26 },
    },
  ],
  [
    't5',
    {
      options: TEXT,
      says: /kinds of tokens \(unigrams\)$/m,
      metrics: ['accuracy', 'span_accuracy'],
      config: { model_type: 't5', architectures: ['T5ForConditionalGeneration'], decoder_start_token_id: 0 },
    },
  ],
  [
    'bart',
    {
      options: TEXT,
      says: /^wanted +<s>/m,
      metrics: ['accuracy'],
      config: { model_type: 'bart', architectures: ['BartForConditionalGeneration'], decoder_start_token_id: 2 },
    },
  ],
  [
    'transformer --schedule noam',
    {
      options: SIZES,
      file: 'pairs.csv',
      says: /^split +57 pairs to learn, 3 held out$/m,
      metrics: ['accuracy'],
      config: { architecture: 'torch.nn.Transformer', d_model: 8, label_smoothing: 0.1 },
    },
  ],
  [
    'vit --objective mae --patch-size 14',
    {
      options: SIZES,
      file: '',
      says: /^what it saw +what it painted +what was there$/m,
      metrics: ['explained'],
      config: { model_type: 'vit_mae', architectures: ['ViTMAEForPreTraining'], image_size: 28 },
    },
  ],
  [
    'vit --objective mim --patch-size 7 --optimizer lion',
    {
      options: SIZES,
      file: '',
      says: /^model +ViT \(SimMIM\), /m,
      metrics: ['explained'],
      config: { architectures: ['ViTForMaskedImageModeling'] },
    },
  ],
];

describe('pretrain --family', () => {
  it.each(FAMILIES)(
    '%s: learns, saves, and goes on to the same bits',
    async (flags, { options, file, says, metrics, config }) => {
      const out = path.join(folder, flags.replaceAll(/\W+/g, '-'));
      const data = file === undefined ? ['--text', path.join(folder, 'text.txt')] : [];
      const pairs = file ? ['--pairs', path.join(folder, file)] : [];
      const training = [
        '--dropout',
        '0.1',
        '--accumulation-steps',
        '2',
        '--save-every',
        '3',
        '--steps',
        '6',
        '--out',
        out,
      ];
      const first = await runCli('main', ['--family', ...flags.split(' '), ...options, ...data, ...pairs, ...training]);
      expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: '' });
      expect(first.stdout).toMatch(says);
      const weights = (): Promise<Buffer> => readFile(path.join(out, 'checkpoint-6', 'model.safetensors'));
      const [straight, log] = [await weights(), await evaluationsOf(out)];
      expect(Object.keys(log.at(-1) ?? {}).toSorted()).toEqual(
        ['step', 'eval_loss', ...metrics.map((name) => `eval_${name}`)].toSorted(),
      );
      expect(JSON.parse(await readFile(path.join(out, 'checkpoint-6', 'config.json'), 'utf8'))).toMatchObject(config);

      await rm(path.join(out, 'checkpoint-6'), { recursive: true });
      const resumed = await runCli('main', ['--resume', out]);
      expect({ code: resumed.code, stderr: resumed.stderr }).toEqual({ code: 0, stderr: '' });
      expect(resumed.stdout).toMatch(/going on after step 3$/m);
      expect((await weights()).equals(straight)).toBe(true);
      expect(await evaluationsOf(out)).toEqual(log);
    },
  );

  it('what was pre-trained by masked words becomes a classifier and a tagger', async () => {
    await useBackend(cpu());
    const labels = ['ham', 'spam', 'eggs'];
    const bert = path.join(folder, 'bert-objective-mlm-whole-words', 'checkpoint-6');
    const roberta = path.join(folder, 'roberta', 'checkpoint-6');
    using classifier = await BertForSequenceClassification.fromPretrained(bert, { newHead: true, labels });
    using tagger = await RobertaForTokenClassification.fromPretrained(roberta, { newHead: true, labels });
    const tokenizer = await Tokenizer.fromPretrained(roberta);
    const { ids } = tokenizer.encode('Barone tiku.');
    expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe('Barone tiku.');
    expect([ids[0], ids.at(-1)]).toEqual([tokenizer.bosTokenId, tokenizer.eosTokenId]);
    const classes = classifier.call(tensor2d([[2, 5, 6, 7, 3]], undefined, 'int32'));
    const tags = tagger.call(tensor2d([[...ids]], undefined, 'int32'));
    expect([classes.shape, tags.shape]).toEqual([
      [1, 3],
      [1, ids.length, 3],
    ]);
    expect(classifier.origin?.fresh).not.toContain('bert.embeddings.word_embeddings.weight');
  });
});

/** Steps so long that no evaluation is better than the one before. */
const WILD = [
  '--steps',
  '40',
  '--eval-every',
  '1',
  '--patience',
  '1',
  '--learning-rate',
  '50',
  '--schedule',
  'constant',
];

it('a moving average, layers computed again, patience and TensorBoard', async () => {
  const text = [
    '--family',
    'roberta',
    '--text',
    path.join(folder, 'text.txt'),
    ...TEXT,
    '--engine',
    'cpu',
    '--seed',
    '3',
  ];
  const weightsOf = (run: string): Promise<Buffer> => readFile(path.join(folder, run, 'model.safetensors'));
  const plain = await runCli('main', [...text, '--steps', '4', '--out', path.join(folder, 'plain')]);
  expect(plain.code, plain.stderr).toBe(0);
  const options = ['--steps', '4', '--gradient-checkpointing', '--ema-decay', '0.9', '--tensor-board'];
  const extended = await runCli('main', [...text, ...options, '--out', path.join(folder, 'extended')]);
  expect(extended.code, extended.stderr).toBe(0);
  expect((await weightsOf('extended/checkpoint-4')).equals(await weightsOf('plain/checkpoint-4'))).toBe(true);
  expect((await weightsOf('extended/averaged')).equals(await weightsOf('plain/checkpoint-4'))).toBe(false);
  expect((await readdir(path.join(folder, 'extended', 'runs'))).length).toBeGreaterThan(0);

  const patient = await runCli('main', [...text, ...WILD, '--out', path.join(folder, 'patient')]);
  expect(patient.code, patient.stderr).toBe(0);
  expect(patient.stdout).toMatch(/^stopped +after step \d+: evaluations got no better$/m);
});

/** The evaluations in the log of a run. */
async function evaluationsOf(out: string): Promise<Record<string, number>[]> {
  const lines = (await readFile(path.join(out, 'log.jsonl'), 'utf8')).trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, number>).filter((record) => 'eval_loss' in record);
}

describe('one clear line and exit code 1', () => {
  it.each<[string, string[], RegExp]>([
    ['too few documents', ['--family', 'bert', '--text', '<pairs.csv>'], /10 at least are needed/],
    ['a text for pairs', ['--family', 'transformer', '--text', 'x.txt'], /--text/],
    ['no columns of pairs', ['--family', 'transformer', '--pairs', '<text.txt>'], /column/],
    ['both a data set and files', ['--family', 'transformer', '--pairs', 'x', '--dataset', 'cmudict'], /exclude/],
    [
      'an objective of another family',
      ['--family', 'bert', '--objective', 'mae'],
      /--objective must be one of mlm\+nsp, mlm/,
    ],
    ['an unknown optimizer', ['--family', 'bart', '--optimizer', 'adam'], /--optimizer must be one of adamw, sgd/],
    [
      'heads that do not divide',
      ['--family', 'roberta', '--text', '<text.txt>', ...TEXT, '--dim', '9'],
      /dim must be divisible/,
    ],
    [
      'another family on resume',
      ['--family', 't5', '--resume', '<roberta>'],
      /--family is "roberta" in the run to resume/,
    ],
  ])('%s', async (_, args, message) => {
    const there = args.map((arg) => arg.replace(/^<(.+)>$/, (_match, name: string) => path.join(folder, name)));
    const { code, stdout, stderr } = await runCli('main', there);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });

  it('--help tells of the options of a family', async () => {
    const { code, stdout } = await runCli('main', ['--family', 'transformer', '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('--pairs <files>...');
    expect(stdout).toContain('npx pnpm@12 pretrain --family transformer --dataset cmudict');
  });
});
