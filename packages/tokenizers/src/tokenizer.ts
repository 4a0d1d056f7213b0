import {
  type FolderSource,
  type FolderTarget,
  openFolder,
  type OpenFolderOptions,
  openTarget,
} from '@formers/checkpoints';
import { AddedTokenFinder, type AddedToken } from './added-tokens.ts';
import { DecodeStream } from './decode-stream.ts';
import { cleanUpText } from './decoders/clean-up.ts';
import { concatEncodings, Encoding } from './encoding.ts';
import { TokenizerError } from './errors.ts';
import { IntList } from './int-list.ts';
import type { DecodeOptions, EncodeOptions } from './options.ts';
import { padEncodings } from './padding.ts';
import { mapToByteLevel } from './pre-tokenizers/byte-level.ts';
import { splitPieces, type Piece } from './pre-tokenizers/pre-tokenizer.ts';
import { resolvePadding, resolveTruncation } from './settings.ts';
import { AlignedText } from './text/aligned-text.ts';
import { withTypeId } from './post-processors/surround.ts';
import { maxFileSize, parseJson, readTokenizerFile, type TokenizerParts } from './tokenizer-file.ts';
import { TokenizerConfig } from './tokenizer-config.ts';
import { truncateEncodings } from './truncation.ts';

/**
 * A tokenizer.json at work: text to ids and back, with the same results as the tokenizers library of Hugging Face (0.23).
 *
 * @example
 * const tokenizer = await Tokenizer.fromPretrained('models/gpt2');
 * const { ids, offsets } = tokenizer.encode('Hello world');
 * tokenizer.decode(ids); // 'Hello world'
 */
export class Tokenizer {
  /** tokenizer_config.json: names of special tokens, `modelMaxLength`, and whatever else the file holds. */
  readonly config: TokenizerConfig;
  /** How many tokens there are, added ones included. */
  readonly vocabSize: number;
  readonly #json: object;
  readonly #parts: TokenizerParts;
  readonly #added: ReadonlyMap<number, AddedToken>;
  readonly #addedIds: ReadonlyMap<string, number>;
  readonly #normalizedForms = new Map<number, string>(); // of added tokens that the normalizer changes
  readonly #special: ReadonlySet<string>;
  readonly #plainFinder: AddedTokenFinder;
  readonly #normalizedFinder: AddedTokenFinder;

  private constructor(json: object, config: TokenizerConfig) {
    this.#json = json;
    this.#parts = readTokenizerFile(json);
    this.config = config;
    const { addedTokens, model, normalizer } = this.#parts;
    const named = addedTokens.filter((token) => token.content.length > 0);
    this.#added = new Map(named.map((token) => [token.id, token]));
    this.#addedIds = new Map(named.map((token) => [token.content, token.id]));
    this.#special = new Set(named.filter((token) => token.special).map((token) => token.content));
    this.vocabSize = model.vocabSize + named.filter((token) => model.tokenToId(token.content) === undefined).length;
    for (const { id, content, normalized } of named) {
      if (!normalized || !normalizer) continue;
      const form = normalizer(AlignedText.original(content)).text;
      if (form !== content) this.#normalizedForms.set(id, form);
    }
    this.#plainFinder = new AddedTokenFinder(
      named.filter((token) => !token.normalized).map((token) => [token.content, token]),
    );
    this.#normalizedFinder = new AddedTokenFinder(
      named
        .filter((token) => token.normalized)
        .map((token) => [this.#normalizedForms.get(token.id) ?? token.content, token]),
    );
  }

  /**
   * A tokenizer from the text or the parsed object of tokenizer.json, and of tokenizer_config.json if there is one.
   * Throws a {@link TokenizerError} for files that are malformed, too large or inconsistent.
   */
  static fromJson(json: string | object, config: string | object = {}): Tokenizer {
    const parsed = typeof json === 'string' ? parseJson(json, 'tokenizer.json') : json;
    if (typeof parsed !== 'object' || parsed === null)
      throw new TokenizerError('format', 'tokenizer.json: expected an object');
    return new Tokenizer(
      parsed,
      new TokenizerConfig(typeof config === 'string' ? parseJson(config, 'tokenizer_config.json') : config),
    );
  }

  /**
   * Opens a folder with tokenizer.json and, if they are there, tokenizer_config.json, special_tokens_map.json and chat_template.jinja: a path,
   * a URL, `owner/name` on the hub, a Map of files or a source of one's own. Throws a `CheckpointError` where files are missing, else as
   * {@link fromJson}.
   */
  static async fromPretrained(
    location: string | FolderSource | ReadonlyMap<string, Blob | Uint8Array>,
    options: OpenFolderOptions = {},
  ): Promise<Tokenizer> {
    const folder = await openFolder(location, options);
    const readText = async (name: string): Promise<string> =>
      new TextDecoder().decode(await folder.read(name, { maxBytes: maxFileSize }));
    const read = async (name: string): Promise<unknown> =>
      parseJson(await readText(name), `${folder.location}: ${name}`);
    const readOptional = async (name: string): Promise<object> =>
      (await folder.has(name)) ? Object(await read(name)) : {};
    const readChatTemplate = async (): Promise<object> =>
      (await folder.has('chat_template.jinja')) ? { chat_template: await readText('chat_template.jinja') } : {};
    const [json, ...configs] = await Promise.all([
      read('tokenizer.json'),
      readOptional('special_tokens_map.json'),
      readOptional('tokenizer_config.json'),
      readChatTemplate(), // Transformers 5 writes it to a file of its own, which wins
    ]);
    return Tokenizer.fromJson(Object(json), Object.assign({}, ...configs));
  }

  /** Writes tokenizer.json and tokenizer_config.json to a folder (a path, a Map, or a target of one's own), as Python's AutoTokenizer opens them. */
  async savePretrained(location: string | Map<string, Uint8Array> | FolderTarget): Promise<void> {
    const target = typeof location === 'string' || location instanceof Map ? openTarget(location) : location;
    const write = (name: string, value: object): Promise<void> =>
      target.write(name, new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`));
    await write('tokenizer.json', this.#json);
    await write('tokenizer_config.json', this.config.toJson());
  }

  /** The id of the token that begins texts, if there is one. */
  get bosTokenId(): number | undefined {
    return this.#idOf(this.config.bosToken);
  }

  /** The id of the token that ends texts, if there is one. */
  get eosTokenId(): number | undefined {
    return this.#idOf(this.config.eosToken);
  }

  /** The id of the token that fills batches, if there is one. */
  get padTokenId(): number | undefined {
    return this.#idOf(this.config.padToken);
  }

  /** The id of the token for unknown text, if there is one. */
  get unkTokenId(): number | undefined {
    return this.#idOf(this.config.unkToken ?? this.#parts.unknownToken);
  }

  /** The id of the token that separates texts, if there is one. */
  get sepTokenId(): number | undefined {
    return this.#idOf(this.config.sepToken);
  }

  /** The id of the token that stands for a whole text, if there is one. */
  get clsTokenId(): number | undefined {
    return this.#idOf(this.config.clsToken);
  }

  /** The id of the token that hides a word, if there is one. */
  get maskTokenId(): number | undefined {
    return this.#idOf(this.config.maskToken);
  }

  /** The ids of all special tokens, in order. */
  get specialTokenIds(): number[] {
    return [...this.#added.values()]
      .filter((token) => token.special)
      .map((token) => token.id)
      .sort((a, b) => a - b);
  }

  tokenToId(token: string): number | undefined {
    return this.#addedIds.get(token) ?? this.#parts.model.tokenToId(token);
  }

  /** The token as the vocabulary has it; an added one as it is found in texts, normalized. */
  idToToken(id: number): string | undefined {
    return this.#normalizedForms.get(id) ?? this.#added.get(id)?.content ?? this.#parts.model.idToToken(id);
  }

  /** Encodes a text, or a pair with `options.pair`. Lone surrogates count as U+FFFD. */
  encode(text: string, options: EncodeOptions = {}): Encoding {
    const [encoding] = this.encodeBatch([options.pair === undefined ? text : [text, options.pair]], options);
    if (!encoding) throw new TokenizerError('argument', 'Tokenizer.encode: no text');
    return encoding;
  }

  /** Encodes several texts or pairs; padding to the longest looks at all of them. */
  encodeBatch(
    texts: readonly (string | readonly [text: string, pair: string])[],
    options: EncodeOptions = {},
  ): Encoding[] {
    const truncation = resolveTruncation(options, { file: this.#parts.truncation, config: this.config });
    const padding = resolvePadding(options, { file: this.#parts.padding, tokenizer: this });
    const { addSpecialTokens = true } = options;
    const { postProcessor } = this.#parts;
    const encodings = texts.map((input) => {
      const sequences = typeof input === 'string' ? [input] : input;
      let parts = sequences.map((text, sequence) => this.#encodeText(text, sequence));
      if (truncation) {
        const added = addSpecialTokens ? (postProcessor?.addedTokens(parts.length > 1) ?? 0) : 0;
        const maxLength = truncation.maxLength - added;
        if (maxLength >= 0) parts = truncateEncodings(parts, { ...truncation, maxLength });
      }
      return this.#postProcess(parts, addSpecialTokens);
    });
    return padding ? padEncodings(encodings, padding) : encodings;
  }

  /** The ids alone, neither truncated nor padded: the quick way for long texts. */
  encodeIds(text: string, { addSpecialTokens = true }: { addSpecialTokens?: boolean } = {}): Int32Array {
    if (addSpecialTokens && (this.#parts.postProcessor?.addedTokens(false) ?? 0) > 0) {
      return this.encode(text, { truncation: false, padding: false }).ids;
    }
    const { model } = this.#parts;
    const ids = new IntList();
    for (const { text: piece, found } of this.#split(text)) {
      for (const id of (found ?? model.tokenize(piece.text)).ids) ids.push(id);
    }
    return ids.toArray();
  }

  /** Ids as text; ids that are not in the vocabulary are skipped. */
  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    const { skipSpecialTokens = false, cleanUpTokenizationSpaces = this.config.cleanUpTokenizationSpaces } = options;
    const tokens: string[] = [];
    for (const id of ids) {
      const token = this.idToToken(id);
      if (token === undefined || (skipSpecialTokens && this.#special.has(token))) continue;
      tokens.push(token);
    }
    const text = this.#parts.decoder ? this.#parts.decoder(tokens).join('') : tokens.join(' ');
    return cleanUpTokenizationSpaces ? cleanUpText(text) : text;
  }

  /** A decoder for ids that come one by one, as in generation. */
  decodeStream(options: DecodeOptions = {}): DecodeStream {
    return new DecodeStream(this, options);
  }

  /** The text after the normalizer. */
  normalize(text: string): string {
    const original = AlignedText.original(text.toWellFormed());
    return (this.#parts.normalizer?.(original) ?? original).text;
  }

  /** The words that the model gets for an already normalized text, with their places in it; added tokens are not looked for. */
  preTokenize(text: string): { text: string; offsets: [start: number, end: number] }[] {
    const { steps, mapsToBytes } = this.#parts.preTokenization;
    const whole = splitPieces([{ text: AlignedText.original(text.toWellFormed()) }], (piece) => [piece]);
    const pieces = steps.reduce<Piece[]>((done, step) => splitPieces(done, step), whole);
    return pieces.map((piece) => ({
      text: (mapsToBytes ? mapToByteLevel(piece.text) : piece.text).text,
      offsets: [piece.text.originalStart(0), piece.text.originalEnd(piece.text.text.length)],
    }));
  }

  /** The object that tokenizer.json holds. */
  toJson(): object {
    return this.#json;
  }

  /** Added tokens that are not normalized, then the normalizer, then the others, then the pre-tokenizer. */
  #split(text: string): Piece[] {
    const { normalizer, preTokenization } = this.#parts;
    const plain = splitPieces(this.#plainFinder.split(AlignedText.original(text.toWellFormed())), (piece) => [piece]);
    const pieces = plain.flatMap((piece) => {
      if (piece.found) return [piece];
      return this.#normalizedFinder.split(normalizer ? normalizer(piece.text) : piece.text);
    });
    return preTokenization.steps.reduce<Piece[]>(
      (done, step) => splitPieces(done, step),
      splitPieces(pieces, (piece) => [piece]),
    );
  }

  #encodeText(text: string, sequence: number): Encoding {
    const { model } = this.#parts;
    const source = text.toWellFormed();
    const ids = new IntList();
    const tokens: string[] = [];
    const bounds = new IntList();
    const words = new IntList();
    for (const [word, piece] of this.#split(source).entries()) {
      const found = piece.found ?? model.tokenize(piece.text.text);
      for (let index = 0; index < found.ids.length; index++) {
        ids.push(found.ids[index] ?? 0);
        tokens.push(found.tokens[index] ?? '');
        bounds.push(piece.text.originalStart(found.starts[index] ?? 0));
        bounds.push(piece.text.originalEnd(found.ends[index] ?? 0));
        words.push(word);
      }
    }
    return new Encoding({
      ids: ids.toArray(),
      typeIds: new Int32Array(ids.length).fill(sequence),
      tokens,
      bounds: bounds.toArray(),
      words: words.toArray(),
      specialTokensMask: new Int32Array(ids.length),
      attentionMask: new Int32Array(ids.length).fill(1),
      sequences: new Map(),
      source,
      overflowing: [],
    });
  }

  #postProcess(encodings: readonly Encoding[], addSpecialTokens: boolean): Encoding {
    const { postProcessor } = this.#parts;
    if (!postProcessor && encodings.length === 1) return concatEncodings(encodings);
    const numbered = encodings.map((encoding, sequence) =>
      withTypeId(encoding.asSequence(sequence), sequence).with({
        overflowing: encoding.overflowing.map((part) => part.asSequence(sequence)),
      }),
    );
    return concatEncodings(postProcessor ? postProcessor.process(numbered, addSpecialTokens) : numbered);
  }

  #idOf(token: string | undefined): number | undefined {
    return token === undefined ? undefined : this.tokenToId(token);
  }
}
