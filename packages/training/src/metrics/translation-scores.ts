import { checkPairs, sum } from './confusion-matrix.ts';
import { wordsOf } from './error-rates.ts';

/** One right translation, or several. */
export type References = string | readonly string[];

/**
 * BLEU of a corpus (Papineni et al. 2002), 0 to 100, with the words and smoothing of sacreBLEU's defaults (Post 2018): `13a` and `exp`.
 *
 * @param actual The right translations of each text.
 */
export function bleu(predicted: readonly string[], actual: readonly References[]): number {
  checkPairs('bleu', predicted, actual);
  const hits = [0, 0, 0, 0];
  const totals = [0, 0, 0, 0];
  let length = 0;
  let wantedLength = 0;
  predicted.forEach((text, i) => {
    const words = translationWords(text);
    const references = asList(actual[i] as References).map(translationWords);
    length += words.length;
    wantedLength += closestLength(words.length, references);
    for (const order of hits.keys()) {
      const own = countNgrams(words, order + 1);
      const wanted = references.map((reference) => countNgrams(reference, order + 1));
      for (const [ngram, count] of own) {
        hits[order] =
          (hits[order] as number) + Math.min(count, Math.max(...wanted.map((counts) => counts.get(ngram) ?? 0)));
        totals[order] = (totals[order] as number) + count;
      }
    }
  });
  if (hits[0] === 0 || totals.includes(0)) return 0;
  let smoothing = 1;
  const logs = hits.map((hit, order) => {
    if (hit === 0) smoothing *= 2;
    return Math.log((hit === 0 ? 1 / smoothing : hit) / (totals[order] as number));
  });
  const brevity = length < wantedLength ? Math.exp(1 - wantedLength / length) : 1;
  return 100 * brevity * Math.exp(sum(logs) / logs.length);
}

/**
 * chrF2 of a corpus (Popović 2015), 0 to 100: characters in runs of 1 to 6 without white space, recall counted twice, as sacreBLEU computes it.
 *
 * @param actual The right translations of each text; of several, the one that fits best.
 */
export function chrF(predicted: readonly string[], actual: readonly References[]): number {
  checkPairs('chrF', predicted, actual);
  const totals = Array.from({ length: ORDERS }, () => ({ own: 0, wanted: 0, shared: 0 }));
  predicted.forEach((text, i) => {
    const candidates = asList(actual[i] as References).map((reference) => compareCharacters(text, reference));
    const scores = candidates.map(fScore);
    const best = candidates[scores.indexOf(Math.max(...scores))] as Overlap[];
    best.forEach(({ own, wanted, shared }, order) => {
      const total = totals[order] as Overlap;
      total.own += own;
      total.wanted += wanted;
      total.shared += shared;
    });
  });
  return fScore(totals);
}

const ORDERS = 6;
const BETA_SQUARED = 4;

/** How many runs of characters of one length two texts have, and share. */
interface Overlap {
  own: number;
  wanted: number;
  shared: number;
}

function compareCharacters(text: string, reference: string): Overlap[] {
  const [a, b] = [text, reference].map((one) => [...wordsOf(one).join('')]) as [string[], string[]];
  return Array.from({ length: ORDERS }, (_, order) => {
    const [own, wanted] = [countNgrams(a, order + 1), countNgrams(b, order + 1)];
    const shared = sum([...own].map(([ngram, count]) => Math.min(count, wanted.get(ngram) ?? 0)));
    return { own: wanted.size > 0 ? sum([...own.values()]) : 0, wanted: sum([...wanted.values()]), shared };
  });
}

function fScore(overlaps: readonly Overlap[]): number {
  const usable = overlaps.filter(({ own, wanted }) => own > 0 && wanted > 0);
  if (usable.length === 0) return 0;
  const precision = sum(usable.map(({ own, shared }) => shared / own)) / usable.length;
  const recall = sum(usable.map(({ wanted, shared }) => shared / wanted)) / usable.length;
  if (precision + recall === 0) return 0;
  return (100 * (1 + BETA_SQUARED) * precision * recall) / (BETA_SQUARED * precision + recall);
}

function asList(references: References): readonly string[] {
  return typeof references === 'string' ? [references] : references;
}

/** The words of sacreBLEU's tokenizer `13a`, which is mteval-v13a's. */
function translationWords(text: string): string[] {
  const plain = text
    .replaceAll('<skipped>', '')
    .replaceAll('-\n', '')
    .replaceAll('\n', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
  const apart = ` ${plain} `
    .replaceAll(/([{-~[-` -&(-+:-@/])/g, ' $1 ')
    .replaceAll(/([^0-9])([.,])/gu, '$1 $2 ')
    .replaceAll(/([.,])([^0-9])/gu, ' $1 $2')
    .replaceAll(/([0-9])(-)/g, '$1 $2 ');
  return wordsOf(apart);
}

function countNgrams(items: readonly string[], order: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + order <= items.length; i++) {
    const ngram = items.slice(i, i + order).join('\u0000');
    counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
  }
  return counts;
}

/** The length of the reference that is closest, the shorter of two. */
function closestLength(length: number, references: readonly (readonly string[])[]): number {
  const lengths = references.map((reference) => reference.length).sort((a, b) => a - b);
  const distances = lengths.map((other) => Math.abs(other - length));
  return lengths[distances.indexOf(Math.min(...distances))] as number;
}
