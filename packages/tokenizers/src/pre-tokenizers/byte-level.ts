import type { Fields } from '../fields.ts';
import { AlignedTextBuilder, type AlignedText } from '../text/aligned-text.ts';
import { toByteLevel } from '../text/byte-level.ts';
import { prepend } from '../normalizers/edits.ts';
import { findGpt2Words } from './gpt2-pattern.ts';
import type { PreTokenizer } from './pre-tokenizer.ts';
import { splitAt } from './split.ts';

/** The splitting half of the ByteLevel pre-tokenizer: an optional first space, then GPT-2's words. */
export function byteLevelSplit(fields: Fields): PreTokenizer {
  const addPrefixSpace = fields.boolean('add_prefix_space');
  const useRegex = fields.boolean('use_regex', true);
  return (text) => {
    const spaced = addPrefixSpace && !text.text.startsWith(' ') ? prepend(text, ' ') : text;
    return useRegex ? splitAt(spaced, findGpt2Words(spaced.text), { behavior: 'Isolated' }) : [spaced];
  };
}

/** The mapping half: each byte becomes its stand-in, aligned with the character it came from. */
export function mapToByteLevel(text: AlignedText): AlignedText {
  const builder = new AlignedTextBuilder(text);
  const source = text.text;
  for (let start = 0; start < source.length;) {
    const end = start + ((source.codePointAt(start) ?? 0) > 0xffff ? 2 : 1);
    builder.push(toByteLevel(source.slice(start, end)), start, end);
    start = end;
  }
  return builder.build();
}
