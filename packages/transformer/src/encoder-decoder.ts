import { causalPaddingMask, type EncoderDecoderCache, paddingMask } from '@formers/attention';
import { checkShape, ConfigError, linear, linearCrossEntropy, reportAsEncoder } from '@formers/backend';
import { Dropout, type Embedding, type Linear, PretrainedModel, shiftRight } from '@formers/nn';
import type { SinusoidalPositions } from '@formers/positional';
import { mul, type Scalar, slice, type Tensor1D, type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';

import type { DecoderLayer, EncoderLayer, Stack } from './layers.ts';

/** What the configs of both architectures have. */
export interface EncoderDecoderConfig {
  /** Tokens that it writes. */
  vocabSize: number;
  /** Tokens that it reads. */
  sourceVocabSize: number;
  /** Most tokens that a source or a target may have. */
  contextLength: number;
  dim: number;
  /** Of the sums of embeddings and positions, and of what each part adds to the residual stream. */
  dropout: number;
  /** Fills rows of a batch, and stands for targets that don't count where the decoder reads them. */
  padTokenId: number;
  /** Ends texts. */
  eosTokenId: number;
  /** What the decoder is given first. */
  decoderStartTokenId: number;
}

/** What a whole pass is told besides the source. */
export interface CallOptions {
  /** int32 [batch, decoderSeq] */
  decoderIds: Tensor2D;
  /** [batch, seq], 1 = token, 0 = padding, of the source. Default: no padding. */
  attentionMask?: Tensor2D | undefined;
  /** [batch, decoderSeq], of the target. Default: no padding, which on the right makes no difference. */
  decoderAttentionMask?: Tensor2D | undefined;
}

/** What decoding is told besides the target. */
export interface DecodeOptions {
  /** [batch, seq, dim], what `encode` made of the source. */
  encoded: Tensor3D;
  /** [batch, seq], 1 = token, 0 = padding, of the source. Default: no padding. */
  attentionMask?: Tensor2D | undefined;
  /** [batch, keys], of the target, with a cache of all its tokens. Default: no padding. */
  decoderAttentionMask?: Tensor2D | undefined;
  /** Keys and values of earlier tokens, and of the source; those of the new tokens are added. */
  cache?: EncoderDecoderCache | undefined;
  /** Whether only the logits of the last position are wanted; default false. */
  lastOnly?: boolean;
}

/** What the loss is told besides the source. */
export interface LossOptions extends Partial<CallOptions> {
  /** int32 [batch, decoderSeq], what the decoder should write; -100 = doesn't count. */
  targets: Tensor2D;
  /** Share of each target that is spread over all tokens. */
  labelSmoothing?: number;
}

/** What a model is made of. */
export interface EncoderDecoderParts<Config> {
  config: Config;
  /** One table for source, target and output. */
  tokens?: Embedding | undefined;
  /** Of the source, where it has a table of its own. */
  sourceTokens?: Embedding | undefined;
  /** Of the target, where it has a table of its own. */
  targetTokens?: Embedding | undefined;
  /** Factor of the embeddings. */
  scale: number;
  positions: SinusoidalPositions;
  encoder: Stack<EncoderLayer>;
  decoder: Stack<DecoderLayer>;
  /** The output projection, where it isn't the table of the target. */
  head?: Linear<Tensor3D> | undefined;
}

/** An encoder-decoder: source ids [batch, seq] and target ids [batch, decoderSeq] to the logits of each next token, [batch, decoderSeq, vocab]. */
export abstract class EncoderDecoder<Config extends EncoderDecoderConfig> extends PretrainedModel<
  [ids: Tensor2D, options: CallOptions],
  Tensor3D,
  Config
> {
  readonly config: Config;
  tokens: Embedding | undefined;
  sourceTokens: Embedding | undefined;
  targetTokens: Embedding | undefined;
  readonly positions: SinusoidalPositions;
  readonly dropout: Dropout<Tensor3D>;
  encoder: Stack<EncoderLayer>;
  decoder: Stack<DecoderLayer>;
  head: Linear<Tensor3D> | undefined;
  readonly #scale: number;

  protected constructor(parts: EncoderDecoderParts<Config>) {
    super();
    this.config = parts.config;
    this.tokens = parts.tokens;
    this.sourceTokens = parts.sourceTokens;
    this.targetTokens = parts.targetTokens;
    this.positions = parts.positions;
    this.dropout = new Dropout(parts.config.dropout);
    this.encoder = parts.encoder;
    this.decoder = parts.decoder;
    this.head = parts.head;
    this.#scale = parts.scale;
  }

  /** Added to the logits: [vocab]. */
  protected get outputBias(): Tensor1D | undefined {
    return this.head?.bias;
  }

  /** What `loss` spreads over all tokens where it isn't told. */
  protected get labelSmoothing(): number {
    return 0;
  }

  protected override forward(ids: Tensor2D, { decoderIds, ...masks }: CallOptions): Tensor3D {
    return this.decode(decoderIds, { ...masks, encoded: this.encode(ids, masks) }); // [batch, decoderSeq, vocab]
  }

  /** What the encoder makes of a source: int32 [batch, seq] to [batch, seq, dim]. */
  encode(ids: Tensor2D, { attentionMask }: { attentionMask?: Tensor2D | undefined } = {}): Tensor3D {
    checkShape(`${this.format.architecture}: ids`, ids, ['batch', 'seq']);
    if (attentionMask) checkShape(`${this.format.architecture}: attentionMask`, attentionMask, ids.shape);
    return tidy(() =>
      reportAsEncoder(() => {
        const x = this.#embed(ids, { table: this.#sourceTable, offset: 0 }); // [batch, seq, dim]
        const mask = attentionMask && paddingMask(attentionMask); // [batch, 1, 1, seq]
        return this.encoder.call(x, (layer, y) => layer.call(y, { mask })); // [batch, seq, dim]
      }),
    );
  }

  /** The logits of each next token: int32 [batch, decoderSeq] to [batch, decoderSeq, vocab], or [batch, 1, vocab] with `lastOnly`. */
  decode(decoderIds: Tensor2D, { lastOnly = false, ...options }: DecodeOptions): Tensor3D {
    return tidy(() => {
      const x = this.decoderStates(decoderIds, options); // [batch, decoderSeq, dim]
      const [batch, seq, dim] = x.shape;
      const last = lastOnly ? slice(x, [0, seq - 1, 0], [batch, 1, dim]) : x;
      return linear(last, this.#outputWeight, { bias: this.outputBias }); // [batch, decoderSeq or 1, vocab]
    });
  }

  /** What the decoder makes of a target, before the output projection: int32 [batch, decoderSeq] to [batch, decoderSeq, dim]. */
  decoderStates(
    decoderIds: Tensor2D,
    { encoded, attentionMask, decoderAttentionMask, cache }: Omit<DecodeOptions, 'lastOnly'>,
  ): Tensor3D {
    const { architecture } = this.format;
    const [batch, sourceSeq] = encoded.shape;
    checkShape(`${architecture}: decoderIds`, decoderIds, [batch, 'decoderSeq']);
    if (attentionMask) checkShape(`${architecture}: attentionMask`, attentionMask, [batch, sourceSeq]);
    const offset = cache?.length ?? 0;
    const [, seq] = decoderIds.shape;
    if (decoderAttentionMask)
      checkShape(`${architecture}: decoderAttentionMask`, decoderAttentionMask, [batch, offset + seq]);
    return tidy(() => {
      const x = this.#embed(decoderIds, { table: this.#targetTable, offset }); // [batch, decoderSeq, dim]
      const own = decoderAttentionMask && { ...causalPaddingMask(decoderAttentionMask, seq), causal: false };
      const contextMask = attentionMask && paddingMask(attentionMask); // [batch, 1, 1, seq]
      return this.decoder.call(x, (layer, y, i) =>
        layer.call(y, { ...own, context: encoded, contextMask, cache: cache?.layer(i), crossCache: cache?.cross(i) }),
      ); // [batch, decoderSeq, dim]
    });
  }

  /**
   * Cross-entropy of writing `targets`, in nats per token. Unless `decoderIds` are given, the decoder is given the targets shifted right.
   *
   * @param ids int32 [batch, seq]
   */
  loss(ids: Tensor2D, { targets, decoderIds, labelSmoothing = this.labelSmoothing, ...masks }: LossOptions): Scalar {
    return tidy(() => {
      const { decoderStartTokenId: startTokenId, padTokenId } = this.config;
      const given = decoderIds ?? shiftRight(targets, { startTokenId, padTokenId }); // [batch, decoderSeq]
      const x = this.decoderStates(given, { ...masks, encoded: this.encode(ids, masks) }); // [batch, decoderSeq, dim]
      return linearCrossEntropy(x, this.#outputWeight, { labels: targets, bias: this.outputBias, labelSmoothing });
    });
  }

  /** @throws {@link ConfigError} where source and target have vocabularies of their own, too. */
  override resizeVocabulary(vocabSize: number): void {
    const { config } = this;
    if (config.sourceVocabSize !== config.vocabSize)
      throw new ConfigError(
        `resizeVocabulary: source and target must have one vocabulary, got ${config.sourceVocabSize} and ${config.vocabSize} tokens`,
      );
    super.resizeVocabulary(vocabSize);
    config.sourceVocabSize = vocabSize;
  }

  /** Embeddings times their factor, and positions (Vaswani et al. 2017, sections 3.4 and 3.5). */
  #embed(ids: Tensor2D, { table, offset }: { table: Embedding; offset: number }): Tensor3D {
    const x = this.positions.call(mul(table.call(ids), this.#scale), { offset }); // [batch, seq, dim]
    return this.dropout.call(x);
  }

  get #sourceTable(): Embedding {
    return (this.sourceTokens ?? this.tokens) as Embedding; // one of them is there
  }

  get #targetTable(): Embedding {
    return (this.targetTokens ?? this.tokens) as Embedding;
  }

  get #outputWeight(): Tensor2D {
    return this.head?.adaptedWeight ?? this.#targetTable.weight; // [vocab, dim]
  }
}
