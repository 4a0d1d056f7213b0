const replacements = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
] as const;
const contractions = [
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
] as const;

/** Takes out the spaces before punctuation and contractions that splitting left, as the tokenizers library's decoders do. */
export function cleanUp(text: string): string {
  return apply(contractions, apply(replacements, text).replaceAll(' do not', " don't"));
}

/** The same for whole texts, as `clean_up_tokenization_spaces` of transformers does it: without the `do not` rule. */
export function cleanUpText(text: string): string {
  return apply(contractions, apply(replacements, text));
}

function apply(pairs: readonly (readonly [string, string])[], text: string): string {
  return pairs.reduce((done, [found, replacement]) => done.replaceAll(found, replacement), text);
}
