import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { parseSafetensors, serializeSafetensors } from '@formers/checkpoints';
import { writeCheckpoint } from '@formers/training';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { digitFromStrokes } from '../src/digit/digit-form.ts';
import { EXAMPLES } from '../src/digit/examples.ts';
import { ImageClassifier, topLabels } from '../src/model/image-classifier.ts';
import { badFiles } from './support/bad-files.ts';
import { saveUntrainedModel } from './support/untrained-model.ts';

const five = digitFromStrokes(EXAMPLES.find(({ label }) => label === '5')?.strokes ?? []);
let folder: string;
let model: string;
let picture: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'formers-classify-'));
  model = path.join(folder, 'model');
  picture = path.join(folder, 'five.png');
  await saveUntrainedModel(model);
  await sharp(five.data, { raw: { width: 28, height: 28, channels: 1 } })
    .png()
    .toFile(picture);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function classify(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, '../src/classify.ts'), ...args]);
  const result = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (result.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (result.stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ ...result, code }));
  });
}

describe('classify', () => {
  it.each(['simd', 'cpu'])('prints the likeliest labels of a file, with their scores (%s)', async (engine) => {
    using classifier = await ImageClassifier.open(model);
    const { probabilities } = await classifier.classify(five);
    const wanted = topLabels(probabilities, { labels: classifier.config.labels, count: 2 });
    const { code, stdout, stderr } = await classify('--model', model, '--engine', engine, '--top-k', '2', picture);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(`${picture}: ${wanted.map(({ label, score }) => `${label} ${score.toFixed(4)}`).join(', ')}\n`);
  });

  it('takes the folder of a run for its newest checkpoint', async () => {
    const run = path.join(folder, 'run');
    await writeCheckpoint(run, { step: 7, write: saveUntrainedModel });
    await writeFile(path.join(run, 'run.json'), '{}');
    const [ofRun, ofModel] = [await classify('--model', run, picture), await classify('--model', model, picture)];
    expect(ofRun).toEqual({ ...ofModel, code: 0, stderr: '' });
  });

  it('prints one JSON object per file, tells of each bad file in one line, and ends with 1', async () => {
    const bad = await badFiles();
    const files = await Promise.all(
      bad.map(async ({ bytes }, i) => {
        const file = path.join(folder, `bad-${i}`); // what a file is called doesn't matter
        await writeFile(file, bytes);
        return file;
      }),
    );
    const missing = path.join(folder, 'missing.png');
    const { code, stdout, stderr } = await classify('--json', '--model', model, ...files, missing, folder, picture);
    expect(code).toBe(1);
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(bad.length + 2);
    bad.forEach(({ message }, i) => {
      expect(lines[i]).toMatch(message);
      expect(lines[i]).toContain(`classify: ${files[i]}: `);
    });
    const records = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { file: string; error?: string; labels?: { label: string; score: number }[] });
    expect(records.map(({ file }) => file)).toEqual([...files, missing, folder, picture]);
    expect(records.slice(0, -1).every(({ error }) => error !== undefined)).toBe(true);
    const { labels = [] } = records.at(-1) ?? {};
    expect(labels).toHaveLength(3);
    expect(labels[0]?.score).toBeGreaterThanOrEqual(labels[1]?.score ?? 1);
  });

  it.each([
    [['five.png'], /^classify: --model is missing; see --help$/],
    [['--model', 'm'], /^classify: there are no image files; see --help$/],
    [['--model', 'm', '--top-k', '0', 'x'], /^classify: --top-k must be a whole number from 1, got "0"$/],
    [['--model', 'm', '--engine', 'gpu', 'x'], /^classify: --engine must be one of auto, .*simd, cpu.*, got "gpu"$/],
    [['--modell', 'm', 'x'], /^classify: Unknown option '--modell'; see --help$/],
    [['--model', '/nowhere/at/all', 'x'], /^classify: .*\/nowhere\/at\/all/],
  ])('refuses %j in one line', async (args, message) => {
    const { code, stdout, stderr } = await classify(...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.trimEnd()).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('says what is wrong with a folder of another model, and with one whose weights are not all there', async () => {
    const other = path.join(folder, 'other');
    await cp(model, other, { recursive: true });
    const config = JSON.parse(await readFile(path.join(model, 'config.json'), 'utf8')) as object;
    await writeFile(
      path.join(other, 'config.json'),
      JSON.stringify({ ...config, model_type: 'gpt2', architectures: ['GPT2LMHeadModel'] }),
    );
    const wrongType = await classify('--model', other, picture);
    expect(wrongType).toMatchObject({ code: 1, stdout: '' });
    expect(wrongType.stderr).toMatch(/^classify: .*gpt2.*\n$/);

    const partly = path.join(folder, 'partly');
    await cp(model, partly, { recursive: true });
    const { tensors } = parseSafetensors(await readFile(path.join(model, 'model.safetensors')));
    const others = [...tensors].filter(([name]) => name !== 'classifier.weight');
    await writeFile(path.join(partly, 'model.safetensors'), serializeSafetensors(new Map(others)));
    const lacking = await classify('--model', partly, picture);
    expect(lacking).toMatchObject({ code: 1, stdout: '' });
    expect(lacking.stderr).toMatch(/^classify: [^]*classifier\.weight/);
    expect(lacking.stderr).not.toMatch(/^ +at /m);
  });

  it('explains itself', async () => {
    const { code, stdout } = await classify('--help');
    expect(code).toBe(0);
    for (const option of ['--model', '--top-k', '--json', '--engine']) expect(stdout).toContain(option);
  });
});
