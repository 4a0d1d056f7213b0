import { readAddedTokens, type AddedToken } from './added-tokens.ts';
import { readDecoder } from './decoders/index.ts';
import type { Decoder } from './decoders/decoder.ts';
import { TokenizerError } from './errors.ts';
import { Fields } from './fields.ts';
import { ByteLevelModel } from './models/byte-level-model.ts';
import { readModel } from './models/index.ts';
import type { Model } from './models/model.ts';
import { readNormalizer } from './normalizers/index.ts';
import type { Normalizer } from './normalizers/normalizer.ts';
import { readPadding, type PaddingSettings } from './padding.ts';
import { readPostProcessor } from './post-processors/index.ts';
import type { PostProcessor } from './post-processors/post-processor.ts';
import { readPreTokenization, type PreTokenization } from './pre-tokenizers/index.ts';
import { readTruncation, type TruncationSettings } from './truncation.ts';

/** The largest tokenizer.json that is read, in bytes (UTF-16 units of a string). */
export const maxFileSize: number = 64 * 1024 * 1024;

/** A tokenizer.json as working parts. */
export interface TokenizerParts {
  readonly normalizer: Normalizer | undefined;
  readonly preTokenization: PreTokenization;
  readonly model: Model;
  readonly postProcessor: PostProcessor | undefined;
  readonly decoder: Decoder | undefined;
  readonly addedTokens: readonly AddedToken[];
  readonly truncation: TruncationSettings | undefined;
  readonly padding: PaddingSettings | undefined;
  readonly unknownToken: string | undefined;
}

/** Parses the text of a JSON file. */
export function parseJson(text: string, place: string): unknown {
  if (text.length > maxFileSize)
    throw new TokenizerError('limit', `${place}: at most ${maxFileSize} bytes, got ${text.length}`);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TokenizerError('format', `${place}: not JSON`, { cause });
  }
}

/** Reads all sections of a tokenizer.json and checks that they fit together. */
export function readTokenizerFile(json: unknown): TokenizerParts {
  const fields = new Fields(json, 'tokenizer.json');
  if (fields.has('version') && fields.string('version') !== '1.0') {
    throw new TokenizerError('unsupported', `tokenizer.json: version ${JSON.stringify(fields.get('version'))}`);
  }
  const part = <T>(name: string, read: (fields: Fields) => T): T | undefined =>
    fields.has(name) ? read(fields.object(name)) : undefined;
  const preTokenization = part('pre_tokenizer', readPreTokenization) ?? { steps: [], mapsToBytes: false };
  const modelFields = fields.object('model');
  const model = readModel(modelFields);
  const addedTokens = fields.has('added_tokens')
    ? readAddedTokens(fields.array('added_tokens'), 'tokenizer.json.added_tokens')
    : [];
  checkIds(model, addedTokens);
  return {
    normalizer: part('normalizer', readNormalizer),
    preTokenization,
    model: preTokenization.mapsToBytes ? new ByteLevelModel(model) : model,
    postProcessor: part('post_processor', readPostProcessor),
    decoder: part('decoder', readDecoder),
    addedTokens,
    truncation: part('truncation', readTruncation),
    padding: part('padding', readPadding),
    unknownToken: typeof modelFields.get('unk_token') === 'string' ? modelFields.string('unk_token') : undefined,
  };
}

/** Ids must be unique and without gaps, those of added tokens included. */
function checkIds(model: Model, addedTokens: readonly AddedToken[]): void {
  const tokens = new Map<number, string>();
  for (const { id, content } of addedTokens) {
    const known = model.tokenToId(content);
    const holder = tokens.get(id) ?? model.idToToken(id);
    if (known !== undefined && known !== id) {
      throw new TokenizerError(
        'ids',
        `tokenizer.json: added token ${JSON.stringify(content)} has id ${id}, but the model's vocabulary says ${known}`,
      );
    }
    if (holder !== undefined && holder !== content) {
      throw new TokenizerError(
        'ids',
        `tokenizer.json: ${JSON.stringify(holder)} and added token ${JSON.stringify(content)} share the id ${id}`,
      );
    }
    tokens.set(id, content);
  }
  if (new Set(tokens.values()).size < tokens.size)
    throw new TokenizerError('ids', 'tokenizer.json: an added token is listed with two ids');
  const size = model.vocabSize + [...tokens.keys()].filter((id) => model.idToToken(id) === undefined).length;
  for (let id = 0; id < size; id++) {
    if (!tokens.has(id) && model.idToToken(id) === undefined) {
      throw new TokenizerError(
        'ids',
        `tokenizer.json: ids must be 0 to ${size - 1} without gaps, but ${id} is missing`,
      );
    }
  }
}
