/** A matrix product [m, k] x [k, n], or a batch of them. A transposed operand is stored as [k, m] or [n, k]. */
export interface MatmulTask {
  readonly suite: 'matmul';
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly batch?: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** How many sets of operands are gone through in turn, so that each is out of the caches when its turn comes; default 1. */
  readonly operandSets?: number;
}

/** One op, forward or forward and backward, on inputs of the given sizes. Each worker says what sizes an op has. */
export interface OpTask {
  readonly suite: 'ops';
  readonly op: string;
  readonly sizes: Readonly<Record<string, number>>;
  readonly backward: boolean;
}

/** A GPT-2 and its batches. */
export interface TrainSize {
  readonly layers: number;
  readonly dim: number;
  readonly heads: number;
  readonly context: number;
  readonly batch: number;
  readonly vocab: number;
  readonly dropout: number;
}

/** Training steps from the weights in `folder` (a Hugging Face GPT-2 folder) on the batches in its `batches.bin`. */
export interface TrainTask extends TrainSize {
  readonly suite: 'train';
  readonly folder: string;
}

/** Models whose inference is measured; `tiny` is a GPT-2 to try it. */
export type InferModel = 'gpt2' | 'vit' | 'bert' | 'tiny';

/** One forward pass, or the generation of tokens, of the model in `folder` (a Hugging Face folder, with `model.onnx` where there is one). */
export interface InferTask {
  readonly suite: 'infer';
  readonly model: InferModel;
  readonly folder: string;
  /** `forward`: one pass (of GPT-2, the logits after the last token). `decode`: a prompt of `length` tokens, then `newTokens` more. */
  readonly mode: 'forward' | 'decode';
  /** Tokens of the input; images have one size. */
  readonly length: number;
  readonly newTokens?: number;
}

/** What a worker can be asked to time. */
export type Task = MatmulTask | OpTask | TrainTask | InferTask;

/** What a worker is told; one JSON line each. */
export type Request =
  | { readonly request: 'prepare'; readonly key: string; readonly task: Task }
  | { readonly request: 'run'; readonly key: string; readonly times: number; readonly repeats: number }
  | { readonly request: 'drop'; readonly key: string }
  /** With `warmUp`, steps of that small model come first, so that what libraries load once is there before anything is measured. */
  | { readonly request: 'memory'; readonly task: TrainTask; readonly steps: number; readonly warmUp?: TrainTask }
  | { readonly request: 'make'; readonly model: InferModel | TrainSize; readonly folder: string }
  | { readonly request: 'export'; readonly task: InferTask }
  | { readonly request: 'peak' }
  | { readonly request: 'profile'; readonly task: TrainTask; readonly steps: number };

/** First line of a worker: what it is. */
export interface Hello {
  readonly versions: Readonly<Record<string, string>>;
  /** How it computes, such as the features of an engine. */
  readonly note?: string;
  /** Of engines on a GPU. */
  readonly gpu?: GPUInfo;
}

/** A GPU, in words, and whether it is one: the processor can stand in for it, slowly. */
export interface GPUInfo {
  readonly name: string;
  readonly isSoftware: boolean;
}

/** Answer to `prepare` (in JSON, what isn't finite is null): some of the numbers that the task gives, to compare with others'. */
export interface Prepared {
  readonly results: readonly (readonly (number | null)[])[];
}

/** Answer to `run`: milliseconds of each step (mean of the repeats), and of training its loss. */
export interface Ran {
  readonly times: readonly number[];
  readonly losses?: readonly (number | null)[];
}

/** Answer to `memory`, in bytes: resident before the first step, and the most during the steps. On a GPU, `peak` is the most in tensors on it, weights included, and `idle` 0. */
export interface MemoryUse {
  readonly idle: number;
  readonly peak: number;
}

/** Answer to `peak`: the most float32 operations per second, in billions, and how they were made; milliseconds of each measurement. */
export interface Peak {
  readonly gigaflops: number;
  readonly kernel: string;
  readonly times: readonly number[];
}

/** One kernel's share of a step, by the GPU's clock. */
export interface KernelTime {
  readonly label: string;
  readonly dispatches: number;
  readonly milliseconds: number;
}

/** Answer to `profile`: the kernels of one step, the longest first. */
export interface Profile {
  readonly kernels: readonly KernelTime[];
}
