import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { duration, grouped } from '@formers/cli';

import { type PretrainingResult, SIZES } from './pretrain-bert.ts';

/** One number per seed, from both starts. */
export interface Comparison {
  readonly task: string;
  readonly metric: string;
  readonly pretrained: readonly number[];
  readonly scratch: readonly number[];
}

/** What the numbers were measured with. */
export interface MeasureFacts {
  readonly pretraining: PretrainingResult;
  readonly steps: number;
  readonly examples: number;
  readonly engine: string;
  readonly cpu: string;
  readonly date: string;
  readonly seconds: number;
}

const README = path.join(import.meta.dirname, '../../README.md');
const [BEGIN, END] = ['<!-- measure:pretraining -->', '<!-- /measure:pretraining -->'];

/** The table and what it was measured with, in Markdown. */
export function comparisonText(comparisons: readonly Comparison[], facts: MeasureFacts): string {
  const { pretraining, steps, examples, engine, cpu, date, seconds } = facts;
  const percent = (value: number): string => (100 * value).toFixed(2);
  const rows = comparisons.map(({ task, metric, pretrained, scratch }) => {
    const cell = (values: readonly number[]): string =>
      `${percent(mean(values))} % (${values.map(percent).join(', ')})`;
    const difference = 100 * (mean(pretrained) - mean(scratch));
    return `| ${task}, ${metric} | ${cell(pretrained)} | ${cell(scratch)} | ${difference < 0 ? '' : '+'}${difference.toFixed(2)} points |`;
  });
  return [
    '| on held-out data | pre-trained | from scratch | difference |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    `Means, and each seed, measured on ${date} (${cpu}; engine ${engine}; ${duration(seconds)} in all). BERT with ${grouped(pretraining.parameters)} parameters (${SIZES.numLayers} layers, ${SIZES.dim} wide); pre-trained for ${duration(pretraining.seconds)} on ${grouped(pretraining.tokens)} tokens (masked language modelling, loss ${pretraining.loss.toFixed(2)} at the end); then ${steps} steps of 16 on ${examples} mails or sentences, drawn anew for each seed and the same for both starts, with the same settings. Tested after the last step on 1,000 mails and 2,000 sentences that neither pre-training nor fine-tuning saw.`,
  ].join('\n');
}

/** Puts the text between the marks of the app's README. */
export async function writeIntoReadme(text: string): Promise<void> {
  const before = await readFile(README, 'utf8');
  await writeFile(README, withMeasurements(before, text));
}

/** A README with other text between the marks. @throws without marks. */
export function withMeasurements(readme: string, text: string): string {
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`withMeasurements: the README must have ${BEGIN} and ${END}`);
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${readme.slice(end)}`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
