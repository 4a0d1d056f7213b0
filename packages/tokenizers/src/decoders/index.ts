import { TokenizerError } from '../errors.ts';
import type { Fields } from '../fields.ts';
import { readPattern } from '../regex/pattern.ts';
import { decodeUtf8, fromByteLevel } from '../text/byte-level.ts';
import { byteFallback } from './byte-fallback.ts';
import { cleanUp } from './clean-up.ts';
import type { Decoder } from './decoder.ts';

/** Makes the decoder that `fields` describes. */
export function readDecoder(fields: Fields): Decoder {
  const type = fields.string('type');
  switch (type) {
    case 'ByteLevel':
      return byteLevel;
    case 'WordPiece':
      return wordPiece(fields);
    case 'BPEDecoder':
      return wordEnds(fields.string('suffix'));
    case 'Metaspace':
      return metaspace(fields);
    case 'CTC':
      return ctc(fields);
    case 'ByteFallback':
      return byteFallback;
    case 'Fuse':
      return (tokens) => [tokens.join('')];
    case 'Strip':
      return strip(fields);
    case 'Replace':
      return replace(fields);
    case 'Sequence': {
      const decoders = fields.objects('decoders').map(readDecoder);
      return (tokens) => decoders.reduce<string[]>((done, decoder) => decoder(done), [...tokens]);
    }
    default:
      throw new TokenizerError('unsupported', `${fields.place}: no decoder of type ${JSON.stringify(type)}`);
  }
}

const byteLevel: Decoder = (tokens) => {
  const parts = tokens.map(fromByteLevel);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  return [decodeUtf8(bytes)];
};

function wordPiece(fields: Fields): Decoder {
  const prefix = fields.string('prefix');
  const cleanup = fields.boolean('cleanup');
  return (tokens) =>
    tokens.map((token, index) => {
      const joined = index === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      return cleanup ? cleanUp(joined) : joined;
    });
}

function wordEnds(suffix: string): Decoder {
  return (tokens) => tokens.map((token, index) => token.replaceAll(suffix, index === tokens.length - 1 ? '' : ' '));
}

function metaspace(fields: Fields): Decoder {
  const replacement = fields.character('replacement');
  const drops = fields.oneOf('prepend_scheme', ['always', 'first', 'never'], 'always') !== 'never';
  return (tokens) => tokens.map((token, index) => token.replaceAll(replacement, index === 0 && drops ? '' : ' '));
}

function ctc(fields: Fields): Decoder {
  const pad = fields.string('pad_token');
  const delimiter = fields.string('word_delimiter_token');
  const cleanup = fields.boolean('cleanup');
  return (tokens) =>
    tokens
      .filter((token, index) => token !== tokens[index - 1])
      .map((token) => token.replaceAll(pad, ''))
      .map((token) => (cleanup ? cleanUp(token).replaceAll(delimiter, ' ') : token))
      .filter((token) => token.length > 0);
}

function strip(fields: Fields): Decoder {
  const content = fields.character('content');
  const start = fields.count('start');
  const stop = fields.count('stop');
  return (tokens) =>
    tokens.map((token) => {
      const chars = [...token];
      let begin = 0;
      while (begin < start && chars[begin] === content) begin++;
      let end = chars.length;
      while (chars.length - end < stop && end > begin && chars[end - 1] === content) end--;
      return chars.slice(begin, end).join('');
    });
}

function replace(fields: Fields): Decoder {
  const find = readPattern(fields);
  const content = fields.string('content');
  return (tokens) =>
    tokens.map((token) => {
      const matches = find(token);
      let result = '';
      let last = 0;
      for (let index = 0; index < matches.length; index += 2) {
        result += token.slice(last, matches[index]) + content;
        last = matches[index + 1] ?? 0;
      }
      return result + token.slice(last);
    });
}
