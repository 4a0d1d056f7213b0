import { clone, keep, type Tensor } from '@tensorflow/tfjs-core';

/** What models report inside a {@link capture} scope. */
export type CaptureKind = (typeof KINDS)[number];

const KINDS = ['hiddenStates', 'attentions', 'crossAttentions', 'encoderHiddenStates', 'encoderAttentions'] as const;

/** The value of a captured function and what was reported on the way, in order. All tensors belong to the caller. */
export interface Captured<T> {
  value: T;
  /** Each [batch, seq, dim]: the embeddings, then each layer's output, as Hugging Face lists them. */
  hiddenStates: Tensor[];
  /** One per layer, each [batch, heads, queries, keys]. */
  attentions: Tensor[];
  /** One per layer with cross-attention, each [batch, heads, queries, keys]. */
  crossAttentions: Tensor[];
  /** Of the encoder of an encoder-decoder; `hiddenStates` and `attentions` are its decoder's. */
  encoderHiddenStates: Tensor[];
  encoderAttentions: Tensor[];
}

interface Scope {
  kinds: ReadonlySet<CaptureKind>;
  captured: Record<CaptureKind, Tensor[]>;
  /** Whether an encoder-decoder's encoder is running. */
  isEncoder: boolean;
}

let active: Scope | undefined;

/**
 * Runs `f` and collects the hidden states and attention maps of every model called in it, in inference and in training. Attention maps are computed
 * only here: outside of such a scope they never exist.
 *
 * @param kinds What to collect; default everything.
 */
export function capture<T>(f: () => T, kinds: readonly CaptureKind[] = KINDS): Captured<T> {
  const outer = active;
  const captured: Record<CaptureKind, Tensor[]> = {
    hiddenStates: [],
    attentions: [],
    crossAttentions: [],
    encoderHiddenStates: [],
    encoderAttentions: [],
  };
  active = { kinds: new Set(kinds), captured, isEncoder: false };
  try {
    return { value: f(), ...captured };
  } catch (error) {
    for (const tensor of Object.values(captured).flat()) tensor.dispose();
    throw error;
  } finally {
    active = outer;
  }
}

/** Reports a tensor to the capture scope, if there is one; `compute` runs only then. Called by models. */
export function report(kind: 'hiddenStates' | 'attentions' | 'crossAttentions', compute: () => Tensor): void {
  if (!active) return;
  const { kinds, captured, isEncoder } = active;
  const place = !isEncoder ? kind : kind === 'hiddenStates' ? 'encoderHiddenStates' : 'encoderAttentions';
  if (kinds.has(place)) captured[place].push(keep(clone(compute())));
}

/** Runs the encoder of an encoder-decoder, whose layers report apart from the decoder's. */
export function reportAsEncoder<T>(f: () => T): T {
  const outer = active;
  if (outer) active = { ...outer, isEncoder: true };
  try {
    return f();
  } finally {
    active = outer;
  }
}

/** Runs `f` without reporting: what is computed a second time was reported the first time. */
export function withoutReports<T>(f: () => T): T {
  const outer = active;
  active = undefined;
  try {
    return f();
  } finally {
    active = outer;
  }
}
