/** Brown's tags by the parts of speech of Petrov, Das and McDonald 2012, "A Universal Part-of-Speech Tagset" (their map `en-brown`). */
const BASE_TAGS: Readonly<Record<string, string>> = {
  ADJ: 'jj jjr jjs jjt od',
  ADP: 'in cs',
  ADV: 'rb rbr rbt rn ql qlp wql wrb',
  CONJ: 'cc',
  DET: 'abl abn abx ap at dt dti dts dtx pp$ wdt wp$',
  NOUN: 'nn nns np nps nr nrs',
  NUM: 'cd',
  PRON: 'pn pp$$ ppl ppls ppo pps ppss wpo wps',
  PRT: 'ex rp to uh',
  VERB: 'be bed bedz beg bem ben ber bez do dod doz hv hvd hvg hvn hvz md vb vbd vbg vbn vbz',
};

const BY_TAG: ReadonlyMap<string, string> = new Map(
  Object.entries(BASE_TAGS).flatMap(([part, tags]) => tags.split(' ').map((tag): [string, string] => [tag, part])),
);

/**
 * The part of speech that a tag of the Brown corpus stands for, one of twelve. Foreign words, headlines, titles and quoted words count as what they are, contractions
 * (`bez*`, `pps+bez`) as their first part; `.` is punctuation, `X` what has no part of speech.
 */
export function universalTag(brown: string): string {
  const bare = brown
    .toLowerCase()
    .replace(/^fw-/, '')
    .replaceAll(/-(?:tl|hl|nc)/g, '');
  const [first = ''] = bare.split('+');
  const tag = first.replace(/\*$/, '');
  const known = BY_TAG.get(tag) ?? BY_TAG.get(tag.replace(/\$+$/, ''));
  if (known !== undefined) return known;
  return /^[^a-z]*$/.test(tag) ? '.' : 'X';
}
