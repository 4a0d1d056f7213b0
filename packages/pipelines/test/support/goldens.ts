import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

import { expect } from 'vitest';

/** What Python's pipeline was given, and what it said. */
export interface Golden {
  readonly expected: unknown;
  readonly [input: string]: unknown;
}

/** What the pipelines of one version of transformers said, by name; `test/by-hand/make-goldens.py` writes it. */
export function readExpected(major: 4 | 5): ReadonlyMap<string, Golden> {
  const { cases } = JSON.parse(readFileSync(fixtureUrl(`expected-${major}.json`), 'utf8')) as {
    cases: Record<string, Golden>;
  };
  return new Map(Object.entries(cases));
}

/** A tiny model of `test/fixtures`, with some keys of its config changed. */
export async function modelFiles(
  folder: string,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<Map<string, Uint8Array>> {
  const names = [
    'config.json',
    'model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
    'preprocessor_config.json',
  ];
  const files = new Map<string, Uint8Array>();
  for (const name of names) {
    const bytes = await readFile(fixtureUrl(`${folder}/${name}`)).catch(() => undefined);
    if (bytes) files.set(name, bytes);
  }
  const config = JSON.parse(new TextDecoder().decode(files.get('config.json'))) as object;
  return files.set('config.json', new TextEncoder().encode(JSON.stringify({ ...config, ...changes })));
}

function fixtureUrl(name: string): URL {
  return new URL(`../fixtures/${name}`, import.meta.url);
}

/** Numbers to 1e-4 of their size and 1e-5, all else the same; keys of `found` that Python lacks fail. */
export function expectSame(found: unknown, expected: unknown, place = 'result'): void {
  if (typeof expected === 'number') {
    expect(typeof found, place).toBe('number');
    expect(Math.abs((found as number) - expected), `${place}: ${String(found)} for ${expected}`).toBeLessThanOrEqual(
      1e-5 + 1e-4 * Math.abs(expected),
    );
  } else if (Array.isArray(expected)) {
    expect((found as unknown[]).length, `length of ${place}`).toBe(expected.length);
    expected.forEach((value, i) => expectSame((found as unknown[])[i], value, `${place}[${i}]`));
  } else if (typeof expected === 'object' && expected !== null) {
    expect(Object.keys(found as object).sort(), place).toEqual(Object.keys(expected).sort());
    for (const [key, value] of Object.entries(expected))
      expectSame((found as Record<string, unknown>)[key], value, `${place}.${key}`);
  } else expect(found, place).toBe(expected);
}
