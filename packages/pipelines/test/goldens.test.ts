import { describe, expect, test } from 'vitest';

import { useEngineForTests } from '../../testing/src/index.ts';
import { type AggregationStrategy, type ChatMessage, pipeline } from '../src/index.ts';
import { expectSame, type Golden, modelFiles, readExpected } from './support/goldens.ts';

useEngineForTests();

const five = readExpected(5);
const four = readExpected(4);
const golden = (name: string): Golden => {
  const found = five.get(name) ?? four.get(name);
  if (!found) throw new Error(`there is no golden ${name}`);
  return found;
};
const textOf = (name: string): string => golden(name)['text'] as string;
const textsOf = (name: string): string[] => golden(name)['texts'] as string[];

/** Some share theirs with another family. */
async function tokenizerOf(family: string): Promise<{ tokenizer: Map<string, Uint8Array> }> {
  const shared: Record<string, string> = { bart: 'roberta', marian: 't5' };
  return { tokenizer: await modelFiles(shared[family] ?? family) };
}

describe.each(['bert', 'roberta', 'bart'])('fill-mask with %s', (family) => {
  const name = `fill-mask/${family}`;

  test('one mask', async () => {
    using fill = await pipeline('fill-mask', await modelFiles(family), await tokenizerOf(family));
    expectSame(await fill(textOf(name), { topK: 4 }), golden(name).expected);
  });

  test('targets', async () => {
    using fill = await pipeline('fill-mask', await modelFiles(family), await tokenizerOf(family));
    const { targets, expected } = golden(`${name}/targets`);
    expectSame(await fill(textOf(name), { targets: targets as string[] }), expected);
  });

  test('several masks', async () => {
    using fill = await pipeline('fill-mask', await modelFiles(family), await tokenizerOf(family));
    const { text, expected } = golden(`${name}/each`);
    expectSame(await fill(text as string, { topK: 2, masks: 'each' }), expected);
  });

  test('a text that is too long, beside a short one', async () => {
    using fill = await pipeline('fill-mask', await modelFiles(family), await tokenizerOf(family));
    const [long, short] = await fill([textOf(`${name}/long`), textOf(name)], { topK: 2 });
    expectSame(long, golden(`${name}/long`).expected);
    expectSame(short, (golden(name).expected as unknown[]).slice(0, 2));
  });
});

describe('text-classification', () => {
  const changes = {
    single: {},
    multi: { problem_type: 'multi_label_classification' },
    regression: { problem_type: 'regression' },
  };

  test.each(Object.entries(changes))('%s', async (kind, config) => {
    const name = `text-classification/${kind}`;
    using classify = await pipeline('text-classification', await modelFiles('bert', config));
    expectSame(await classify(textsOf(name), { topK: null, batchSize: 3 }), golden(name).expected);
    expectSame(await classify(textsOf(name)), golden(`${name}/one`).expected);
  });

  test('a pair', async () => {
    using classify = await pipeline('sentiment-analysis', await modelFiles('bert'));
    const { pair, expected } = golden('text-classification/pair');
    expectSame(await classify(pair as { text: string; text_pair: string }, { topK: null }), expected);
  });
});

describe.each(['bert', 'bart'])('zero-shot-classification with %s', (family) => {
  test.each([false, true])('multiLabel: %s', async (multiLabel) => {
    const others = family === 'bert' ? ['x', 'y'] : []; // as many classes as the tiny model has
    const names = ['contradiction', 'neutral', ...others, 'entailment'];
    const files = await modelFiles(family, { id2label: Object.fromEntries(names.entries()) });
    using classify = await pipeline('zero-shot-classification', files, await tokenizerOf(family));
    const { text, expected } = golden(`zero-shot-classification/${family}/${multiLabel ? 'True' : 'False'}`);
    expectSame(await classify(text as string, ['people', 'the model', 'war'], { multiLabel }), expected);
  });
});

describe.each(['bert', 'roberta'])('token-classification with %s', (family) => {
  test.each<AggregationStrategy>(['none', 'simple', 'first', 'average', 'max'])('%s', async (aggregationStrategy) => {
    const name = `token-classification/${family}/${aggregationStrategy}`;
    using tag = await pipeline('token-classification', await modelFiles(family));
    const { ignore, texts, expected } = golden(name) as Golden & { ignore: string[]; texts: string[] };
    const found = await tag(texts, { aggregationStrategy, ignoreLabels: ignore });
    expectSame(found, mended(expected as FoundWord[][], texts));
  });

  test('a text in parts', async () => {
    const { text, expected } = golden(`token-classification/${family}/stride`);
    using tag = await pipeline('ner', await modelFiles(family));
    expectSame(await tag(text as string, { aggregationStrategy: 'simple', stride: 6 }), expected);
  });
});

interface FoundWord {
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

/** Python decodes the words of byte-level tokenizers twice, which spoils letters beyond ASCII: there the text's own are expected. */
function mended(expected: readonly (readonly FoundWord[])[], texts: readonly string[]): FoundWord[][] {
  return expected.map((words, i) =>
    words.map((found) =>
      /[a-z]\ufffd/i.test(found.word) ? { ...found, word: (texts[i] as string).slice(found.start, found.end) } : found,
    ),
  );
}

describe('feature-extraction', () => {
  test('hidden states', async () => {
    using extract = await pipeline('feature-extraction', await modelFiles('bert'));
    const { texts, expected } = golden('feature-extraction/bert');
    const features = await extract(texts as string[]);
    const [short, long] = expected as number[][][];
    expect(features.dims).toEqual([2, long?.length, 8]);
    const [found] = features.tolist() as number[][][];
    expectSame(found?.slice(0, short?.length), short);
    expect(
      found
        ?.slice(short?.length)
        .flat()
        .every((value) => value === 0),
    ).toBe(true);
    expectSame((features.tolist() as number[][][])[1], long);
    expectSame((await extract(texts as string[], { pooling: 'cls' })).tolist(), [short?.[0], long?.[0]]);
  });

  test('means of length 1', async () => {
    using extract = await pipeline('feature-extraction', await modelFiles('bert'));
    const features = await extract(textsOf('feature-extraction/bert'), { pooling: 'mean', normalize: true });
    expect(features.dims).toEqual([2, 8]);
    expectSame(features.tolist(), golden('feature-extraction/mean').expected);
  });
});

test('image-classification', async () => {
  using classify = await pipeline('image-classification', await modelFiles('vit'));
  const data = Uint8Array.from({ length: 20 * 17 * 3 }, (_, i) => (i * 7 + (i >> 3) * 13) % 256);
  const image = { data, width: 20, height: 17, channels: 3 } as const;
  const { expected } = golden('image-classification');
  expectSame(await classify(image, { topK: 4 }), expected);
  expectSame(await classify([image, image], { topK: 4 }), [expected, expected]);
});

describe('text-generation', () => {
  const greedy = { maxNewTokens: 10, doSample: false };

  test('texts', async () => {
    using write = await pipeline('text-generation', await modelFiles('gpt2'));
    expectSame(await write(textsOf('text-generation'), greedy), golden('text-generation').expected);
    const { text, expected } = golden('text-generation/new');
    expectSame(await write(text as string, { ...greedy, returnFullText: false }), expected);
  });

  test('beams', async () => {
    using write = await pipeline('text-generation', await modelFiles('gpt2'));
    const { text, expected } = golden('text-generation/beams');
    expectSame(await write(text as string, { ...greedy, numBeams: 3, numReturnSequences: 2 }), expected);
  });

  test.each(['chat', 'prefill'])('%s', async (kind) => {
    using write = await pipeline('text-generation', await modelFiles('gpt2'));
    const { chat, expected } = golden(`text-generation/${kind}`);
    expectSame(await write(chat as ChatMessage[], greedy), expected);
  });
});

describe('question-answering', () => {
  const names = [...four.keys()].filter((name) => name.startsWith('question-answering/'));

  test.each(names)('%s', async (name) => {
    const { question, context, options, expected } = golden(name) as Golden & {
      question: string;
      context: string;
      options: Record<string, never>;
    };
    const { top_k: topK, max_answer_len: maxAnswerLen, max_seq_len: maxSeqLen, doc_stride: docStride } = options;
    const { handle_impossible_answer: handleImpossibleAnswer, align_to_words: alignToWords } = options;
    const family = name.split('/')[1] as string;
    const files = await modelFiles(family, { id2label: { 0: 'a', 1: 'b' } });
    using ask = await pipeline('question-answering', files, await tokenizerOf(family));
    const given = { topK, maxAnswerLen, maxSeqLen, docStride, handleImpossibleAnswer, alignToWords };
    const settings = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    expectSame(await ask(question, context, settings), expected);
  });
});

describe('encoder-decoders', () => {
  const names = [...four.keys()].filter((name) => !name.startsWith('question-answering/'));
  const settings: Record<string, object> = {
    greedy: { numBeams: 1 },
    several: { numBeams: 3, numReturnSequences: 2 },
    batch: {},
  };

  test.each(names)('%s', async (name) => {
    const [task, family, kind = 'batch'] = name.split('/') as ['translation_en_to_de', string, string?];
    const files = await modelFiles(family);
    using write = await pipeline(task, files, await tokenizerOf(family));
    const { text, texts, expected } = golden(name);
    const usual = family === 't5' && task !== ('text2text-generation' as string) ? {} : { numBeams: 4 }; // as Python's pipeline has it
    const input = (text ?? texts) as string[];
    expectSame(await write(input, { maxNewTokens: 9, ...usual, ...settings[kind] }), expected);
  });
});
