import { describe, expect, test } from 'vitest';

import { expectError, expectNoLeak, useEngineForTests } from '../../testing/src/index.ts';
import { AutoModelForMaskedLM, AutoTokenizer, fillMask, pipeline, type TaskName } from '../src/index.ts';
import { expectSame, modelFiles } from './support/goldens.ts';

useEngineForTests();

const LONG = 'The people resolved rather to die than to famish, Zürich 🐋 𝒳. '.repeat(40);

test('an unknown task: the error lists what is known', async () => {
  await expectError(() => pipeline('juggling' as TaskName), { code: 'config', message: /fill-mask.*got "juggling"/ });
  await expectError(() => pipeline('toString' as TaskName), { code: 'config', message: /got "toString"/ });
});

describe('wrong inputs', () => {
  const wrong = { code: 'value' };

  test('fill-mask', async () => {
    using fill = await pipeline('fill-mask', await modelFiles('bert'));
    await expectError(() => fill(3 as never), { ...wrong, message: /fill-mask: text must be a text, got 3/ });
    await expectError(() => fill(['[MASK]', null] as never), { ...wrong, message: /text\[1\] must be a text/ });
    await expectError(() => fill('nothing'), { ...wrong, message: /text must have the mask token \[MASK\]/ });
    await expectError(() => fill('[MASK] [MASK]'), {
      ...wrong,
      message: /must have one \[MASK\], got 2; masks: 'each'/,
    });
    await expectError(() => fill('[MASK]', { topK: 0 }), { ...wrong, message: /topK must be a whole number/ });
    await expectError(() => fill('[MASK]', { targets: [] }), { ...wrong, message: /targets must be at least one/ });
    await expectError(() => fill('[MASK]', { batchSize: 0.5 }), { ...wrong, message: /batchSize must be/ });
    expect(await fill([])).toEqual([]);
  });

  test('question-answering', async () => {
    using ask = await pipeline('question-answering', await modelFiles('bert', { id2label: { 0: 'a', 1: 'b' } }));
    await expectError(() => ask('Who?', ' '), { ...wrong, message: /context must be a text that is not empty/ });
    await expectError(() => ask('', 'x'), { ...wrong, message: /question must be a text that is not empty/ });
    await expectError(() => ask('a', undefined as never), { ...wrong, message: /context must be a text/ });
    await expectError(() => ask(['a', 'b'], ['c']), { ...wrong, message: /context must be one text or 2/ });
    await expectError(() => ask('a', 'b', { maxAnswerLen: 0 }), { ...wrong, message: /maxAnswerLen must be/ });
    await expectError(() => ask('a', 'b', { docStride: 500 }), { ...wrong, message: /docStride must be below/ });
  });

  test('others', async () => {
    using classify = await pipeline('text-classification', await modelFiles('bert'));
    await expectError(() => classify({ text: 'a', text_pair: 3 } as never), {
      ...wrong,
      message: /text\.text_pair must be a text, got 3/,
    });
    await expectError(() => classify('a', { functionToApply: 'tanh' as never }), {
      ...wrong,
      message: /functionToApply must be/,
    });
    using tag = await pipeline('ner', await modelFiles('bert'));
    await expectError(() => tag('a', { aggregationStrategy: 'best' as never }), {
      ...wrong,
      message: /aggregationStrategy must be one of none, simple/,
    });
    await expectError(() => tag('a', { stride: 2 }), { ...wrong, message: /stride must be given with/ });
    await expectError(() => tag('a', { stride: 40, aggregationStrategy: 'max' }), {
      ...wrong,
      message: /stride must be below the 40 tokens/,
    });
    using write = await pipeline('text-generation', await modelFiles('gpt2'));
    await expectError(() => write([{ role: 'user' }] as never), { ...wrong, message: /prompt\[0\]\.content must be/ });
    await expectError(() => write({} as never), { ...wrong, message: /prompt must be a text or a chat/ });
    await expectError(() => write([{ role: 'user', content: 'x' }], { chatTemplate: 'tools' }), {
      ...wrong,
      message: /tokenizer must have the chat template "tools" for a chat, got default/,
    });
    using view = await pipeline('image-classification', await modelFiles('vit'));
    await expectError(() => view(7 as never), { ...wrong, message: /image must be a path/ });
    await expectError(async () => pipeline('zero-shot-classification', await modelFiles('bert')), {
      ...wrong,
      message: /a class that begins with "entail"/,
    });
  });

  test('a tokenizer with more tokens than the model', async () => {
    using fill = await pipeline('fill-mask', await modelFiles('roberta'), { tokenizer: await modelFiles('bert') });
    await expectError(() => fill('[MASK] model optimizer translates'), {
      ...wrong,
      message: /vocabulary of 640 tokens/,
    });
  });
});

describe('texts far too long are cut', () => {
  test.each(['text-classification', 'ner', 'feature-extraction', 'fill-mask'] as const)('%s', async (task) => {
    using run = await pipeline(task as 'fill-mask', await modelFiles('bert'));
    const found = await run([`[MASK] ${LONG}`, '[MASK]']);
    expect(found).toBeDefined();
  });

  test('question-answering reads all of a context, whatever the question', async () => {
    using ask = await pipeline('question-answering', await modelFiles('bert', { id2label: { 0: 'a', 1: 'b' } }));
    const answers = await ask([LONG, 'Who?'], LONG, { topK: 3 });
    expect(answers.map(({ length }) => length)).toEqual([3, 3]);
    for (const { answer, start, end } of answers.flat()) expect(LONG.slice(start, end)).toBe(answer);
  });

  test('tasks that write', async () => {
    using write = await pipeline('text-generation', await modelFiles('gpt2'));
    const [one] = await write(LONG, { maxNewTokens: 3 });
    expect(one?.generated_text.startsWith(LONG)).toBe(true);
    using summarize = await pipeline('summarization', await modelFiles('bart'), {
      tokenizer: await modelFiles('roberta'),
    });
    expect(await summarize(LONG, { maxNewTokens: 3 })).toHaveLength(1);
  });

  test("a max_length of the model's files that the prompt has reached", async () => {
    const files = await modelFiles('gpt2', { max_length: 4 });
    using write = await pipeline('text-generation', files);
    const [one] = await write('The people of the world are all resolved', { maxNewTokens: 2 });
    const [other] = await write('The people of the world are all resolved');
    expect(other?.generated_text.length).toBeGreaterThanOrEqual(one?.generated_text.length ?? Infinity);
  });
});

test('offsets are UTF-16', async () => {
  const text = '🐋 Caius 𝒳 Marcius 🐋 Zürich';
  using tag = await pipeline('ner', await modelFiles('roberta'));
  const found = await tag(text, { ignoreLabels: [] });
  const letters = found.filter(({ word }) => /^Ġ?[A-Za-z]+$/.test(word));
  expect(letters.map(({ start, end }) => text.slice(start, end))).toEqual(
    letters.map(({ word }) => word.replace('Ġ', '')),
  );
  expect(letters.at(-1)?.end).toBe(text.length);
});

test('batches give what each text gives alone', async () => {
  const texts = ['The [MASK].', 'The optimizer translates its own [MASK] in a single pass.', '[MASK]'];
  for (const family of ['bert', 'roberta']) {
    using fill = await pipeline('fill-mask', await modelFiles(family));
    const own = texts.map((text) => text.replace('[MASK]', fill.tokenizer.config.maskToken ?? ''));
    const alone = await Promise.all(own.map((text) => fill(text)));
    expectSame(await fill(own), alone);
    expectSame(await fill(own, { batchSize: 2 }), alone);
  }
  using write = await pipeline('text-generation', await modelFiles('gpt2'));
  const prompts = ['The people', 'First Citizen: you are all resolved', 'x'];
  const alone = await Promise.all(prompts.map((prompt) => write(prompt, { maxNewTokens: 6 })));
  expect(await write(prompts, { maxNewTokens: 6, batchSize: 2 })).toEqual(alone);
});

test('progress, and the signal that stops', async () => {
  using classify = await pipeline('text-classification', await modelFiles('bert'));
  const texts = ['a', 'b', 'c', 'd', 'e'];
  const seen: string[] = [];
  await classify(texts, { batchSize: 2, onProgress: ({ done, total }) => seen.push(`${done}/${total}`) });
  expect(seen).toEqual(['2/5', '4/5', '5/5']);

  const stop = new AbortController();
  const stopped = classify(texts, { batchSize: 2, signal: stop.signal, onProgress: () => stop.abort() });
  await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
  expect(stop.signal.aborted).toBe(true);

  const files: string[] = [];
  using _ = await pipeline('text-classification', await modelFiles('bert'), {
    onProgress: ({ file }) => files.push(file),
  });
  expect(new Set(files)).toEqual(
    new Set(['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors']),
  );
  await expect(pipeline('fill-mask', await modelFiles('bert'), { signal: AbortSignal.abort() })).rejects.toThrow(
    /abort/i,
  );
});

describe('streams', () => {
  test('are what the call gives, by whole words', async () => {
    using write = await pipeline('text-generation', await modelFiles('gpt2'));
    const [one] = await write('The people', { maxNewTokens: 12, returnFullText: false });
    const words: string[] = [];
    for await (const word of write.stream('The people', { maxNewTokens: 12 })) words.push(word);
    expect(words.join('')).toBe(one?.generated_text);
    expect(words.slice(0, -1).every((word) => /\s$/.test(word) || /^\s/.test(word))).toBe(true);

    const rows = ['', ''];
    for await (const { row, text } of write.streamAll(['The people', 'x'], { maxNewTokens: 12 })) rows[row] += text;
    expect(rows[0]).toBe(one?.generated_text);
  });

  test('of chats and encoder-decoders', async () => {
    const chat = [{ role: 'user', content: 'Speak.' }];
    using write = await pipeline('text-generation', await modelFiles('gpt2'));
    const [one] = await write(chat, { maxNewTokens: 6, returnFullText: false });
    let text = '';
    for await (const piece of write.stream(chat, { maxNewTokens: 6 })) text += piece;
    expect(text).toBe(one?.generated_text);

    using summarize = await pipeline('summarization', await modelFiles('t5'));
    const [summary] = await summarize('The people', { maxNewTokens: 6, numBeams: 1 });
    text = '';
    for await (const piece of summarize.stream('The people', { maxNewTokens: 6, numBeams: 1 })) text += piece;
    expect(text).toBe(summary?.summary_text);
  });
});

test('an empty prompt begins a text', async () => {
  using write = await pipeline('text-generation', await modelFiles('gpt2'));
  const [one] = await write('', { maxNewTokens: 3 });
  expect(one?.generated_text).toEqual(expect.any(String));
});

test('languages choose the prefix', async () => {
  using translate = await pipeline('translation', await modelFiles('t5'));
  using german = await pipeline('translation_en_to_de', await modelFiles('t5'));
  const options = { maxNewTokens: 6 };
  const expected = await german('The people', options);
  expect(await translate('The people', { ...options, srcLang: 'en', tgtLang: 'de' })).toEqual(expected);
  expect(await translate('translate English to German: The people', { ...options, numBeams: 3 })).toEqual(expected);
  expect(await translate('The people', { ...options, prefix: 'translate English to German: ', numBeams: 3 })).toEqual(
    expected,
  );
});

test('pipelines free what they opened, and leave what they were given', async () => {
  await expectNoLeak(async () => {
    const fill = await pipeline('fill-mask', await modelFiles('bert'));
    await fill('The [MASK].');
    fill.dispose();
    fill.dispose();
  });
  using model = await AutoModelForMaskedLM.fromPretrained(await modelFiles('bert'));
  const fill = fillMask({ model, tokenizer: await AutoTokenizer.fromPretrained(await modelFiles('bert')) });
  fill.dispose();
  expect(await fill('The [MASK].', { topK: 1 })).toHaveLength(1);
});
