const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Visits the user-perceived characters (UAX 29) of a text. */
export function forEachGrapheme(text: string, visit: (grapheme: string) => void): void {
  if (!/[^\x20-\x7e]/.test(text)) {
    for (let index = 0; index < text.length; index++) visit(text.charAt(index));
    return;
  }
  for (const { segment } of segmenter.segment(text)) visit(segment);
}
