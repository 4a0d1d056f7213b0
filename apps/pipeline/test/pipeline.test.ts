import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command as a user's shell does, on the plain engine. */
function runCli(...args: readonly string[]): Promise<Result> {
  const script = path.join(import.meta.dirname, '../src/main.ts');
  const child = spawn(process.execPath, [script, '--engine', 'cpu', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

function model(name: string): string {
  return path.join(import.meta.dirname, '../../../packages/pipelines/test/fixtures', name);
}

function jsonLines({ stdout }: Result): unknown[] {
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

test('inputs of the command line and of files, as JSON', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'formers-pipeline-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'inputs.jsonl');
  await writeFile(file, '"one"\n{"text": "two", "text_pair": "three"}\n');
  const args = [
    '--task',
    'text-classification',
    '--model',
    model('bert'),
    'zero',
    '--file',
    file,
    '--json',
    '--top-k',
    '2',
  ];
  const result = await runCli(...args);
  expect(result.stderr).toBe('');
  const label = { label: expect.any(String) as string, score: expect.any(Number) as number };
  expect(jsonLines(result)).toEqual([
    { input: 'zero', output: [label, label] },
    { input: 'one', output: [label, label] },
    { input: { text: 'two', text_pair: 'three' }, output: [label, label] },
  ]);
});

test.each([
  ['fill-mask', 'bert', ['The [MASK].', '--top-k', '1'], /^0\.\d{4} {2}\S+ {2}the.*\n$/],
  ['ner', 'bert', ['First Citizen'], /^0\.\d{4} {2}PER {2}citizen {2}6-13\n$/],
  ['feature-extraction', 'bert', ['one'], /^\[(-?\d[\d.e-]*,){7}-?\d[\d.e-]*\]\n$/],
  ['text-generation', 'gpt2', ['The people', '--max-new-tokens', '4', '--temperature', '0'], /^The people.+\n$/],
  ['translation_en_to_de', 't5', ['The people', '--max-new-tokens', '4'], /^.+\n$/],
] as const)('%s for people', async (task, folder, args, expected) => {
  const { code, stdout, stderr } = await runCli('--task', task, '--model', model(folder), ...args);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).toMatch(expected);
});

test.each([
  [['--model', 'x', 'y'], /--task is missing/],
  [['--task', 'ner', 'y'], /--model is missing/],
  [['--task', 'ner', '--model', model('bert')], /no inputs/],
  [['--task', 'juggling', '--model', model('bert'), 'x'], /^pipeline: --task must be one of .*fill-mask/],
  [
    ['--task', 'question-answering', '--model', model('t5'), 'x', '--context', 'y'],
    /t5 has no head for question-answering: it is a T5ForConditionalGeneration, for .*; fine-tune it: npx pnpm@12 finetune --model \S+t5 --task question-answering --data </,
  ],
  [
    ['--task', 'fill-mask', '--model', model('gpt2'), 'x'],
    /gpt2 has no head for fill-mask: it is a GPT2LMHeadModel, for text-generation$/m,
  ],
  [['--task', 'zero-shot-classification', '--model', model('bert'), 'x'], /--candidate-labels is missing/],
  [
    ['--task', 'fill-mask', '--model', model('vit'), 'x'],
    /vit has no head for fill-mask: it is a ViTForImageClassification/,
  ],
  [['--task', 'ner', '--model', model('bert'), '--file', 'nothing.txt'], /--file nothing\.txt can't be read/],
] as const)('%j is refused in one line', async (args, message) => {
  const { code, stdout, stderr } = await runCli(...args);
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});
