import { UsageError } from '@formers/cli';
import {
  type Answer,
  type LabelScore,
  pipeline,
  type PipelineOptions,
  type Text2TextPipeline,
} from '@formers/pipelines';

import { type Input, textOf } from './inputs.ts';
import type { Given } from './options.ts';

/** What came of one input: as the pipeline gives it, and as lines for people. */
export interface Output {
  readonly output: unknown;
  readonly lines: readonly string[];
}

/** An opened task: runs on a group of inputs. */
export interface RunningTask extends Disposable {
  run(inputs: readonly Input[]): Promise<Output[]>;
}

/** Opens a model for a task with the options of the command line. */
export async function openTask(
  { task, model, given }: { task: string; model: string; given: Given },
  options: PipelineOptions,
): Promise<RunningTask> {
  const { signal } = options;
  const { batchSize, topK, aggregationStrategy = 'simple', pooling = 'mean', normalize, stride, multiLabel } = given;
  const call = { batchSize, signal };
  const running = (
    pipe: Disposable,
    run: (inputs: readonly Input[]) => Promise<readonly unknown[]>,
    show: (output: never) => string[],
  ): RunningTask => ({
    run: async (inputs) => (await run(inputs)).map((output) => ({ output, lines: show(output as never) })),
    [Symbol.dispose]: () => pipe[Symbol.dispose](),
  });

  switch (task) {
    case 'fill-mask': {
      const fill = await pipeline(task, model, options);
      const run = (inputs: readonly Input[]): Promise<unknown[]> =>
        fill(texts(inputs), { ...call, topK: topK ?? 5, masks: 'each' });
      return running(fill, run, (masks: { score: number; sequence: string; token_str: string }[][]) =>
        masks.flat().map(({ score, token_str: token, sequence }) => `${share(score)}  ${token}  ${sequence}`),
      );
    }
    case 'text-classification':
    case 'sentiment-analysis': {
      const classify = await pipeline(task, model, options);
      const pairOf = (input: Input): string | { text: string; text_pair: string } => {
        const second = typeof input === 'object' ? input['text_pair'] : undefined;
        const pair = typeof second === 'string' ? second : given.textPair;
        const text = textOf(input, 'text');
        return pair === undefined ? text : { text, text_pair: pair };
      };
      const run = async (inputs: readonly Input[]): Promise<unknown[]> => {
        const found: LabelScore[] | LabelScore[][] = await classify(inputs.map(pairOf), { ...call, topK: topK ?? 1 });
        return found.map((labels) => (Array.isArray(labels) ? labels : [labels]));
      };
      return running(classify, run, labelLines);
    }
    case 'zero-shot-classification': {
      const { candidateLabels } = given;
      if (candidateLabels === undefined) throw new UsageError('--candidate-labels is missing; see --help');
      const classify = await pipeline(task, model, options);
      return running(
        classify,
        (inputs) => classify(texts(inputs), candidateLabels, { ...call, multiLabel }),
        ({ labels, scores }: { labels: string[]; scores: number[] }) =>
          labels.map((label, i) => `${share(scores[i] ?? 0)}  ${label}`),
      );
    }
    case 'token-classification':
    case 'ner': {
      const tag = await pipeline(task, model, options);
      return running(
        tag,
        (inputs) =>
          tag(texts(inputs), {
            ...call,
            aggregationStrategy: aggregationStrategy as 'none' | 'simple',
            stride,
          }),
        (
          found: { entity?: string; entity_group?: string; score: number; word: string; start: number; end: number }[],
        ) =>
          found.map(
            ({ entity, entity_group: group = entity, score, word, start, end }) =>
              `${share(score)}  ${group}  ${word.trim()}  ${start}-${end}`,
          ),
      );
    }
    case 'question-answering': {
      const ask = await pipeline(task, model, options);
      const contextOf = (input: Input): string => {
        const own = typeof input === 'object' ? input['context'] : undefined;
        if (typeof own === 'string') return own;
        if (given.context === undefined) throw new UsageError('--context is missing; see --help');
        return given.context;
      };
      const run = async (inputs: readonly Input[]): Promise<unknown[]> => {
        const questions = inputs.map((input) => textOf(input, 'question'));
        const found: (Answer | Answer[])[] = await ask(questions, inputs.map(contextOf), { ...call, topK: topK ?? 1 });
        return found.map((answers) => (Array.isArray(answers) ? answers : [answers]));
      };
      return running(ask, run, (answers: Answer[]) =>
        answers.map(({ answer, score, start, end }) => `${share(score)}  ${answer}  ${start}-${end}`),
      );
    }
    case 'feature-extraction': {
      const extract = await pipeline(task, model, options);
      return running(
        extract,
        async (inputs) => {
          const features = await Promise.all(
            texts(inputs).map((text) => extract(text, { ...call, pooling: pooling as 'mean' | 'none', normalize })),
          );
          return features.map((one) => one.tolist()[0]);
        },
        (vector: unknown) => [JSON.stringify(vector)],
      );
    }
    case 'image-classification': {
      const classify = await pipeline(task, model, options);
      return running(
        classify,
        (inputs) =>
          classify(
            inputs.map((input) => textOf(input, 'image', 'file')),
            { ...call, topK: topK ?? 5 },
          ),
        labelLines,
      );
    }
    case 'text-generation': {
      const write = await pipeline(task, model, options);
      return running(
        write,
        (inputs) => write(texts(inputs), { ...call, ...writing(given) }),
        (written: { generated_text: string }[]) => written.map((one) => one.generated_text),
      );
    }
    default: {
      const write = (await pipeline(
        task as 'text2text-generation',
        model,
        options,
      )) as Text2TextPipeline<'text2text-generation'>; // or an error that lists the tasks
      return running(
        write,
        (inputs) => write(texts(inputs), { ...call, ...writing(given) }),
        (written: object) => Object.values(written) as string[],
      );
    }
  }
}

function texts(inputs: readonly Input[]): string[] {
  return inputs.map((input) => textOf(input, 'text'));
}

/** Options of the tasks that write. */
function writing({ maxNewTokens, numBeams, temperature, seed }: Given): object {
  const sampling = temperature === 0 ? { doSample: false } : { temperature };
  const options = { maxNewTokens, numBeams, seed, ...sampling };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function labelLines(labels: readonly LabelScore[]): string[] {
  return [labels.map(({ label, score }) => `${label} ${share(score)}`).join(', ')];
}

function share(score: number): string {
  return score.toFixed(4);
}
