import { ENGINES, type OptionSpecs, type OptionValues } from '@formers/cli';

/** What `pipeline` can be told. */
export const OPTIONS = {
  task: { kind: 'text', help: 'such as fill-mask or text-classification; see below' },
  model: { kind: 'text', help: 'a Hugging Face folder or a run of ours: a path, a URL, or a name on the hub' },
  inputs: { kind: 'words', help: 'texts, or image files; of question-answering the questions' },
  file: { kind: 'text', help: 'more inputs, one a line; of a .jsonl file texts or objects' },
  json: { kind: 'flag', help: 'one JSON object per input: {"input", "output"}' },
  context: { kind: 'text', help: 'question-answering: the text to find answers in' },
  textPair: { kind: 'text', help: 'text-classification: the second text of each pair' },
  candidateLabels: { kind: 'text', help: 'zero-shot-classification: labels with commas between' },
  multiLabel: { kind: 'flag', help: 'zero-shot-classification: several labels may hold' },
  topK: { kind: 'whole', least: 1, help: 'how many results of each input (default as the task has it)' },
  aggregationStrategy: {
    kind: 'text',
    among: ['none', 'simple', 'first', 'average', 'max'],
    help: 'token-classification: how tokens become entities (default simple)',
  },
  stride: { kind: 'whole', least: 0, help: 'token-classification: tokens that the parts of long texts share' },
  pooling: { kind: 'text', among: ['none', 'mean', 'cls'], help: 'feature-extraction (default mean)' },
  normalize: { kind: 'flag', help: 'feature-extraction: vectors of length 1' },
  maxNewTokens: { kind: 'whole', least: 1, help: 'tasks that write: the most tokens' },
  numBeams: { kind: 'whole', least: 1, help: 'tasks that write: beams of the search' },
  temperature: { kind: 'number', least: 0, help: 'tasks that write: draw tokens; 0 takes the likeliest' },
  seed: { kind: 'whole', least: 0, help: 'of the random choices (default another one each time)' },
  batchSize: { kind: 'whole', least: 1, help: 'how many inputs the model sees at once (default 8)' },
  engine: { kind: 'text', among: ENGINES, help: 'what to compute on (default auto: the fastest there is)' },
  threads: { kind: 'whole', least: 1, help: 'threads of the simd engine (default one per core)' },
  help: { kind: 'flag', help: 'this text' },
} as const satisfies OptionSpecs;

/** The options that were given. */
export type Given = OptionValues<typeof OPTIONS>;
