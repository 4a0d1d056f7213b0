import type { BenchCase } from '../harness/cases.ts';
import type { InferModel, InferTask } from '../harness/tasks.ts';
import { comparison, entry, type Lineup } from './lineup.ts';

/** Shares of PyTorch's and onnxruntime-web's speed. */
const FLOORS = { forward: 0.6, decode: 1, onnxruntimeWeb: 2 } as const;
const PROMPT = 16;
const NEW_TOKENS = 32;

/** The models, in the order that they are measured. */
export const INFER_MODELS = ['gpt2', 'vit', 'bert'] as const satisfies readonly InferModel[];

type MeasuredModel = (typeof INFER_MODELS)[number];

/** Tokens of the forward pass of each; images have a size of their own. */
export const INFER_LENGTHS: Readonly<Record<MeasuredModel, number>> = { gpt2: 512, vit: 0, bert: 128 };

/** What is measured of a model. */
export function inferCases(line: Lineup, { model, folder }: { model: MeasuredModel; folder: string }): BenchCase[] {
  const [threads = 1] = line.threads(2);
  const base = { suite: 'infer', model, folder } as const;
  const forward = forwardCase(
    line,
    { ...base, mode: 'forward', length: INFER_LENGTHS[model] },
    { threads, name: NAMES[model] },
  );
  if (model !== 'gpt2') return [forward];
  return [forward, decodeCase(line, { ...base, mode: 'decode', length: PROMPT, newTokens: NEW_TOKENS }, threads)];
}

const NAMES: Readonly<Record<MeasuredModel, string>> = {
  gpt2: 'GPT-2 124M, prefill of 512',
  vit: 'ViT-B/16, 1 image',
  bert: 'BERT-base, 1x128',
};

function forwardCase(line: Lineup, task: InferTask, { threads, name }: { threads: number; name: string }): BenchCase {
  const ours = entry(line.formers(threads), task);
  const peers = line.peers(threads, ['torch', 'ort-web', 'ort-node']).map((peer) => entry(peer, task));
  const webFloor = task.model === 'gpt2' ? undefined : FLOORS.onnxruntimeWeb;
  return {
    name,
    title: `${name}; ${threads} thread${threads === 1 ? '' : 's'}`,
    check: { of: 'results', tolerance: 1e-3 },
    entries: [ours, ...peers],
    comparisons: peers.map((peer) => {
      const { peer: id } = peer.contestant;
      return comparison(ours, peer, id === 'torch' ? FLOORS.forward : id === 'ort-web' ? webFloor : undefined);
    }),
  };
}

/** Greedy decoding, prompt included; the peer is Hugging Face's `generate`. */
function decodeCase(line: Lineup, task: InferTask, threads: number): BenchCase {
  const work = { work: (task.newTokens ?? 1) * 1000 };
  const ours = entry(line.formers(threads), task, work);
  const peers = line.peers(threads, ['torch']).map((peer) => entry(peer, task, work));
  const name = `GPT-2 124M, ${task.newTokens} tokens after ${task.length}`;
  return {
    name,
    title: `${name}, greedy with cache; ${threads} thread${threads === 1 ? '' : 's'}`,
    unit: 'tokens/s',
    check: { of: 'results', tolerance: 0 },
    entries: [ours, ...peers],
    comparisons: peers.map((peer) => comparison(ours, peer, FLOORS.decode)),
  };
}
