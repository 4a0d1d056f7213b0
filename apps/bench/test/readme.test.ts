import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { GPU_MARKERS, MARKERS, replaceBetweenMarkers } from '../src/report/readme.ts';

describe('replaceBetweenMarkers', () => {
  it('replaces what is between them, and nothing else', () => {
    const text = `before\n${MARKERS.start}\nold\n${MARKERS.end}\nafter\n`;
    const once = replaceBetweenMarkers(text, 'new');
    expect(once).toBe(`before\n${MARKERS.start}\n\nnew\n\n${MARKERS.end}\nafter\n`);
    expect(replaceBetweenMarkers(once, 'new')).toBe(once);
  });

  it.each([
    ['', 'none'],
    [MARKERS.start, 'one'],
    [`${MARKERS.end}${MARKERS.start}`, 'the wrong order'],
    [`${MARKERS.start}${MARKERS.start}${MARKERS.end}`, 'two starts'],
  ])('refuses %j: %s', (text) => {
    expect(() => replaceBetweenMarkers(text, 'new')).toThrow(/once each/);
  });

  it('finds them in the README of the bench', async () => {
    const readme = await readFile(path.join(import.meta.dirname, '../README.md'), 'utf8');
    expect(replaceBetweenMarkers(readme, 'new')).toContain(`${MARKERS.start}\n\nnew\n\n${MARKERS.end}`);
    const ofGPU = replaceBetweenMarkers(readme, 'new', GPU_MARKERS);
    expect(ofGPU).toContain(`${GPU_MARKERS.start}\n\nnew\n\n${GPU_MARKERS.end}`);
    expect(ofGPU).toContain('### Matrix products'); // those of the CPU
  });
});
