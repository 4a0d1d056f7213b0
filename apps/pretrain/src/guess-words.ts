import { withoutDropout } from '@formers/backend';
import type { TokenExample } from '@formers/data';
import type { Tokenizer } from '@formers/tokenizers';
import { gather, onesLike, reshape, type Tensor2D, tensor2d, type Tensor3D, tidy, topk } from '@tensorflow/tfjs-core';

/** Shows what a model puts for one masked token of each sequence: the one in its middle that is longest. */
export async function guessWords(
  examples: readonly TokenExample[],
  { tokenizer, logitsOf }: { tokenizer: Tokenizer; logitsOf: (ids: Tensor2D, mask: Tensor2D) => Tensor3D },
): Promise<{ text: string; facts: { guesses: object[] } }> {
  const guesses = await Promise.all(examples.map((example) => guessWord(example.ids, { tokenizer, logitsOf })));
  const lines = guesses.map(
    ({ text, word, likeliest }) => `${text}\n  was ${quoted(word)}, guessed ${likeliest.map(quoted).join(', ')}`,
  );
  return { text: lines.join('\n'), facts: { guesses } };
}

async function guessWord(
  whole: Int32Array,
  { tokenizer, logitsOf }: { tokenizer: Tokenizer; logitsOf: (ids: Tensor2D, mask: Tensor2D) => Tensor3D },
): Promise<{ text: string; word: string; likeliest: string[] }> {
  const ids = [...whole];
  const lengthAt = (place: number): number => tokenizer.idToToken(ids[place] ?? 0)?.length ?? 0;
  const middle = [...ids.keys()].slice(Math.floor(ids.length / 3), Math.ceil((2 * ids.length) / 3));
  const place = middle.reduce((best, at) => (lengthAt(at) > lengthAt(best) ? at : best), middle[0] ?? 0);
  const masked = ids.with(place, tokenizer.maskTokenId ?? 0);
  const likeliest = tidy(() =>
    withoutDropout(() => {
      const input = tensor2d([masked], undefined, 'int32');
      const logits = logitsOf(input, onesLike(input)); // [1, seq, vocab]
      const [, seq, vocab] = logits.shape;
      return topk(gather(reshape(logits, [seq, vocab]), [place]), 3).indices;
    }),
  );
  const found = await likeliest.data();
  likeliest.dispose();
  return {
    text: tokenizer.decode(masked),
    word: tokenizer.decode([ids[place] ?? 0]).trim(),
    likeliest: Array.from(found, (id) => tokenizer.decode([id]).trim()),
  };
}

function quoted(word: string): string {
  return `"${word}"`;
}
