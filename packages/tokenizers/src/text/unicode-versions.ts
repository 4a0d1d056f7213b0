/**
 * Begin and end of ranges of code points, in order. The tables below are the differences between the Unicode versions that tokenizers 0.23
 * was built with and the newest one, measured by asking the reference about every code point (test/by-hand/unicode-classes.py). In the
 * text, each range is `gap.more` in base 36: the gap from the end of the range before, and how many code points follow the first.
 */
export type Ranges = Int32Array;

/** Assigned after Unicode 16, the version of the regular expressions of tokenizers 0.23. */
export const addedSinceUnicode16: Ranges = parse(
  '1ov r1 3k 2r7.e 3.b 15i 251 ojc.1 3 2 t gk2.f ce.1 1j.6 29e.p 12k.2 9.8 y.1 2g5.7 g9.17 5.9 fxz.o 3.o 7z.4 4qq.7 zu.l ' +
    '2q.36 cg8.2 ce.m g.g 4pc.u 2.l 9.1 34p 4f.3 9i.8 ak.3 1f 4 1m 5 t 5 7f 10zk.5 4mb.b gsj.3bd',
);

/** Punctuation that the category tables of tokenizers 0.23 (Unicode 8) do not have. */
export const addedPunctuation: Ranges = parse(
  '17h rk 3d e9 d 2x6.1 1a.2 3pg.c 3.b 1829 8v z 3p.4 19.3 uj.1 2.1 37.4 b.1 2 eb.c 25 aq 7d.2 4c 2l.7 2c.2 2.4 2m.9 60 ' +
    '2o.4 17.1 hy.1 23.c 4w 35e.1 c57.2 88.3 94 nbx nz.1',
);

/** Format characters that those category tables do not have. */
export const addedFormats: Ranges = parse('1ow.1 29 1g4r 6zn.f');

/** Non-spacing marks that those category tables do not have. */
export const addedNonspacing: Ranges = parse(
  '1kt 4a.8 17.n 7x 70.5 2e 4v 1k 5g 1n.1 1x 8p k 1tt 3a.1 ft.u 3.b ln.5 rap 49 1m 5a jmv.3 1u.4 8u.1 26.5 1z.a 1e.3 6j 3.1 ' +
    '26 7b 6 33 3 6y 3k.5 e 2 2 f.1 2e.7 3.2 2 o r5.8 2.1 75.1 2 5 41.3 3.1 5 x.9 15.5 3.3 9 a.5 3.2 1b.c 2.1 5j 2.2 2 5m.6 ' +
    '2.5 2 2b.l 3.6 2.1 2.1 3f.5 4 2.1 2.6 2 21.1 4 2 9o.1 c.1 1h.4 6 2 o 44m 7.e 8uh.b 4.2 2sg 45 isc.19 3.m 3ay.6 2.g 3.6 ' +
    '2.1 2.4 2t 4h.6 ag 1q.3 e5.3 73.1 6s 3 8.1 6 gf.6',
);

/** Combining marks that the normalization tables of tokenizers 0.23 (Unicode 9) do not have. */
export const addedMarks: Ranges = parse(
  '1kt 4a.8 17.9 8b 70.5 2e 4v 1k 53 d 1n.1 1x 8p k 1mv 6y j4.u 3.b ek 73.4 raq 5v js5.3 1u.4 8u.1 26.5 1z.a 1e.3 6j 3.1 26 ' +
    '3n.1 3n 5.1 36 6y 3h.8 2 3 2.3 2.4 2 f.1 3g r2.e 6u.5 2.1 3.3 2 2.1 3y.6 3.6 4 t.9 15.6 2.3 9 a.a 1b.f 5j.7 cq.5 4 2.1 ' +
    '2.6 2 1v.4 2.1 2.4 9o.3 a.1 2 1d.6 4.4 o 44m 7.e 8uh.h 2sg 1c.8 2l c.1 irz.19 3.m 3ex 4h.6 ag 1q.3 e5.3 73.1 6s 3 8.1 6',
);

/** Characters whose decomposition, composition or order those normalization tables do not know. */
export const addedToNormalization: Ranges = parse(
  '1kt 4a.8 17.9 8b 70.5 2e 4v 1k 53 d 1n.1 1x 8p k 1mv 6y j4.u 3.b ek 73.4 45h n3m.3 1k 5v h6 huo 9 8 a bh.4 2.15 2.8 ' +
    '12i.3 1u.4 8u.1 26.5 1z.a 1e.3 6j 3.1 26 3n.1 3n 5.1 36 6y 1z.3 6 3 2.1 13.8 2 3 2.3 2.4 2 f.1 3g r2.e 6u.5 2.1 3.3 2 ' +
    '2.1 3y.6 3.6 4 t.9 15.6 2.3 9 a.a 1b.f 5j.7 cq.5 4 2.1 2.6 2 1v.4 2.1 2.4 9o.3 a.1 2 1d.6 4.4 o 44m 7.e 8uh.h 2es 4.3 dh ' +
    '1c.8 2l c.1 icl.z ef.19 3.m 3ca.1p y 4h.6 ag 1q.3 e5.3 73.1 6s 3 8.1 6 22f 22s.9',
);

/** Characters whose script the tables of tokenizers 0.23 (Unicode 9) do not know. */
export const addedToScripts: Ranges = parse(
  '128 14 2v 1a dc.2 2p.a 6.x 6.8 m 9.l 89.2 3c 3o.5 2e 4v 1k w.1 q d 2g.1 m d 4 1j.1 1x 79 3 3 2.5 5 8 8.1 3 e k 1mn 8 a ' +
    '6o 2x g7.u 3.b 2p 2.1 1a.2 7e.1 6.16 3.2 1k 3 70.4 jp.2 n2 14.2 1gt.1 z.2 d 9.p 5.f 1c 1c di.o bj.3 8f.1 3w.4 11.1 a 7k ' +
    '59z.9 g7r.15 1io 9.10 l.5 1i 5u.1 h3.5 fvb.g a6.f 1t.1 1j.7 1b.1 pp b5.2 up.5 2.15 2.8 hm.1 j vu.5 9.8 y.5 a9.5 25 b ' +
    '3b.3 3r.1 34.2 6y 7z 4.3 gn.1 n.j 1j 12.6 oa.f 1t.9 2f.7 uh g.1d e 3zk.12 b.32y 8jv.5 5 1c.8 2j.1 d.6 4qf.i l0.c e9.u ' +
    '2q.36 6pq.3 2.6 2.1 4.80 g u.2 3 f.3 595.70 4.c3 7.m g.g g.19 3.m a.37 fa.1 5y.j d.j 3j.6 2a0.u 7.5 7a.1p y 1g1.6 2.3 ' +
    '2.1 2.e 99 me.1v 25.1o r4.2 w 1p.3 1q 4z.5 vi.5 4.3 o.5 3c.b 2e.4 7.b 5 5c.b 5.1 f.8 14.f g 9.7 2.1 d d.3 g.w j.19 2.46 ' +
    '9.d 3.c 4.a 4.1k 2 5.f 3.b 5.9 8.42 2.2u xr1.8 386.a 4mb.b 3.5rk g.h9 3hf.3t6 6.6jt',
);

/** Whether one of the ranges holds the code point. */
export function inRanges(ranges: Ranges, codePoint: number): boolean {
  let low = 0;
  let high = ranges.length / 2 - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (codePoint < (ranges[2 * middle] ?? 0)) high = middle - 1;
    else if (codePoint > (ranges[2 * middle + 1] ?? 0)) low = middle + 1;
    else return true;
  }
  return false;
}

function parse(text: string): Ranges {
  let last = 0;
  const bounds = text.split(' ').flatMap((range) => {
    const [gap = '', more = '0'] = range.split('.');
    const begin = last + Number.parseInt(gap, 36);
    last = begin + Number.parseInt(more, 36);
    return [begin, last];
  });
  return Int32Array.from(bounds);
}
