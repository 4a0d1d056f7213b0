/** A set of code points, worked out page by page as texts need it. */
export class CharSet {
  readonly #contains: (codePoint: number) => boolean;
  readonly #pages: (Uint8Array | undefined)[] = new Array<Uint8Array | undefined>(0x1100).fill(undefined);

  constructor(contains: (codePoint: number) => boolean) {
    this.#contains = contains;
  }

  has(codePoint: number): boolean {
    const page = (this.#pages[codePoint >> 8] ??= this.#makePage(codePoint & ~0xff));
    return page[codePoint & 0xff] === 1;
  }

  #makePage(first: number): Uint8Array {
    return Uint8Array.from({ length: 256 }, (_, offset) => (this.#contains(first + offset) ? 1 : 0));
  }
}

/** All that `set` does not have. */
export function complement(set: CharSet): CharSet {
  return new CharSet((codePoint) => !set.has(codePoint));
}

export function union(sets: readonly CharSet[]): CharSet {
  const [only] = sets;
  return only && sets.length === 1 ? only : new CharSet((codePoint) => sets.some((set) => set.has(codePoint)));
}

export function intersection(sets: readonly CharSet[]): CharSet {
  return new CharSet((codePoint) => sets.every((set) => set.has(codePoint)));
}

export function range(first: number, last: number): CharSet {
  return new CharSet((codePoint) => codePoint >= first && codePoint <= last);
}

/** `set` with all that differs from its members only in case. */
export function ignoringCase(set: CharSet): CharSet {
  return new CharSet((codePoint) => set.has(codePoint) || caseVariants(codePoint).some((variant) => set.has(variant)));
}

/** The code points that simple case folding makes equal to this one. */
function caseVariants(codePoint: number): number[] {
  const char = String.fromCodePoint(codePoint);
  const same = new RegExp(`^\\u{${codePoint.toString(16)}}$`, 'iu');
  const upper = char.toUpperCase();
  const lower = char.toLowerCase();
  const candidates = new Set([
    upper,
    lower,
    upper.toLowerCase(),
    lower.toUpperCase(),
    ...(specialFolds.get(lower) ?? []),
  ]);
  return [...candidates].filter((candidate) => same.test(candidate)).map((candidate) => candidate.codePointAt(0) ?? 0);
}

/** Characters beside upper and lower case that fold to a letter. */
const specialFolds: ReadonlyMap<string, readonly string[]> = new Map([
  ['s', ['\u017f']],
  ['k', ['\u212a']],
  ['å', ['\u212b']],
  ['θ', ['\u03d1', '\u03f4']],
  ['β', ['\u03d0']],
  ['ε', ['\u03f5']],
  ['κ', ['\u03f0']],
  ['π', ['\u03d6']],
  ['ρ', ['\u03f1']],
  ['σ', ['\u03c2']],
  ['φ', ['\u03d5']],
  ['ι', ['\u0345', '\u1fbe']],
  ['μ', ['\u00b5']],
  ['ω', ['\u2126']],
  ['ṡ', ['\u1e9b']],
  ['ß', ['\u1e9e']],
]);
