import { demand } from '../errors.ts';
import { type LogitsProcessor, setAll, type TokenIds } from './logits-processor.ts';

/** Rules out tokens that would complete a run of `ngramSize` tokens which stands in the text already. */
export function noRepeatNGramLogitsProcessor({ ngramSize }: { ngramSize: number }): LogitsProcessor {
  demandSize(ngramSize, { where: 'noRepeatNGramLogitsProcessor', name: 'ngramSize' });
  return (ids, logits) => setAll(logits, { ids: continuations(ids, { of: ids, size: ngramSize }), value: -Infinity });
}

/** Rules out tokens that would complete a run of `encoderNgramSize` tokens of the encoder's input. */
export function encoderNoRepeatNGramLogitsProcessor({
  encoderNgramSize,
  encoderInputIds,
}: {
  encoderNgramSize: number;
  encoderInputIds: TokenIds;
}): LogitsProcessor {
  demandSize(encoderNgramSize, { where: 'encoderNoRepeatNGramLogitsProcessor', name: 'encoderNgramSize' });
  return (ids, logits) =>
    setAll(logits, { ids: continuations(encoderInputIds, { of: ids, size: encoderNgramSize }), value: -Infinity });
}

/** What follows in `text` wherever the last `size - 1` tokens of `of` stand in it. */
function* continuations(text: TokenIds, { of, size }: { of: readonly number[]; size: number }): Generator<number> {
  const known = size - 1;
  const start = of.length - known;
  for (let at = 0; at + known < text.length; at++) {
    let same = 0;
    while (same < known && text[at + same] === of[start + same]) same++;
    if (same === known) yield text[at + known] as number;
  }
}

function demandSize(size: number, { where, name }: { where: string; name: string }): void {
  demand(Number.isInteger(size) && size > 0, { where, name, wanted: 'a whole number above 0', got: size });
}
