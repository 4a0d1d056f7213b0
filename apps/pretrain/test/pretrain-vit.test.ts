import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { runCli } from './run-cli.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'formers-vit-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const TINY_VIT = [
  '--family',
  'vit',
  '--patch-size',
  '14',
  '--dim',
  '8',
  '--num-layers',
  '1',
  '--num-heads',
  '2',
  '--batch-size',
  '4',
];

describe('pretrain --family vit', () => {
  it('trains on digits, and leaves a Hugging Face folder with its processor', async () => {
    const out = path.join(folder, 'digits');
    const { code, stdout, stderr } = await runCli('main', [...TINY_VIT, '--steps', '12', '--out', out]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^model +ViT, [\d,]+ parameters: 1 layer, 2 heads, 8 wide, patches of 14 x 14 in images of 28 x 28$/m,
    );
    expect(stdout).toMatch(
      /^split +9,000 images to learn, 1,000 held out \(of which 200 are evaluated on this engine\)$/m,
    );
    expect(stdout).toMatch(/^step 12\/12 {2}held-out loss [\d.]+ {2}accuracy [\d.]+ %$/m);
    expect(stdout).toMatch(/^ +is \\ as/m);
    const read = async (name: string): Promise<unknown> =>
      JSON.parse(await readFile(path.join(out, 'checkpoint-12', name), 'utf8'));
    expect(await read('config.json')).toMatchObject({
      model_type: 'vit',
      architectures: ['ViTForImageClassification'],
      image_size: 28,
      num_channels: 1,
      id2label: { 0: '0', 9: '9' },
    });
    expect(await read('preprocessor_config.json')).toMatchObject({
      image_processor_type: 'ViTImageProcessor',
      size: { height: 28, width: 28 },
      image_mean: [0.5],
    });
  });

  it('goes on to the same bits after a resume', async () => {
    const weights = (run: string): Promise<Buffer> =>
      readFile(path.join(folder, run, 'checkpoint-8', 'model.safetensors'));
    const options = [...TINY_VIT, '--schedule', 'constant', '--warmup-steps', '0', '--eval-every', '100'];
    await runCli('main', [...options, '--steps', '8', '--out', path.join(folder, 'straight')]);
    await runCli('main', [...options, '--steps', '5', '--out', path.join(folder, 'parts')]);
    const { code, stderr } = await runCli('main', ['--resume', path.join(folder, 'parts'), '--steps', '8']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect((await weights('parts')).equals(await weights('straight'))).toBe(true);
  });

  it.each<[string, string[], RegExp]>([
    [
      'an unknown family',
      ['--family', 'cnn'],
      /--family must be one of gpt, bert, roberta, t5, bart, transformer, vit, got "cnn"/,
    ],
    ['no such folder', ['--family', 'vit', '--images', 'no-such-folder'], /no-such-folder/],
    ['an option of the other family', ['--family', 'vit', '--tokenizer', 'char'], /--tokenizer/],
    [
      'heads that do not divide',
      [...TINY_VIT, '--dim', '9'],
      /^pretrain: --dim must be divisible by --num-heads, got 9 and 2/,
    ],
  ])('%s: one clear line', async (_, args, message) => {
    const { code, stdout, stderr } = await runCli('main', args);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });
});
