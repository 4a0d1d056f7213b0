import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import {
  CheckpointError,
  openCheckpoint,
  openFolder,
  parseJsonObject,
  parseSafetensors,
  readJson,
  serializeJson,
  serializeSafetensors,
} from '../src/index.ts';
import { prototypeNames } from './support/expect-error.ts';
import { badFiles, sharedFixtures } from './support/files.ts';

const isMissing = !existsSync(sharedFixtures);

describe.skipIf(isMissing)('the shared fixtures (skipped where ../shared is missing)', () => {
  const all = (pattern: string): string[] =>
    isMissing ? [] : globSync(pattern, { cwd: sharedFixtures }).filter((name) => !name.startsWith('checkpoints'));

  test('every safetensors file is written again byte for byte, from tensors in another order', () => {
    const names = all('**/*.safetensors');
    expect(names.length).toBeGreaterThan(100);
    for (const name of names) {
      const bytes = readFileSync(join(sharedFixtures, name));
      const { tensors, metadata } = parseSafetensors(bytes);
      const again = serializeSafetensors([...tensors].reverse(), metadata.size > 0 ? { metadata } : {});
      expect(Buffer.from(again.buffer).equals(bytes), name).toBe(true);
    }
  });

  test('every configuration that Transformers saved is written again byte for byte', () => {
    const names = [
      ...all('**/config.json'),
      ...all('**/generation_config.json'),
      ...all('**/*.index.json'),
      ...all('**/preprocessor_config.json'),
    ];
    const saved = names.filter((name) =>
      /"transformers_version"|"weight_map"|"image_mean"/.test(readFileSync(join(sharedFixtures, name), 'utf8')),
    );
    expect(saved.length).toBeGreaterThan(80);
    for (const name of saved) {
      const text = readFileSync(join(sharedFixtures, name), 'utf8');
      expect(serializeJson(parseJsonObject(text)), name).toBe(text);
    }
  });

  test('every JSON file is read as JSON.parse reads it', () => {
    const names = all('**/*.json').filter((name) =>
      readFileSync(join(sharedFixtures, name), 'utf8').trimStart().startsWith('{'),
    );
    for (const name of names) {
      const text = readFileSync(join(sharedFixtures, name), 'utf8');
      expect(JSON.stringify(parseJsonObject(text)) === JSON.stringify(JSON.parse(text)), name).toBe(true);
    }
  });

  test('every model opens, and its tensors are those of its files', async () => {
    const folders = all('models/*/config.json').map((name) => join(sharedFixtures, name, '..'));
    for (const folder of folders) {
      const checkpoint = await openCheckpoint(await openFolder(folder));
      for await (const [name, { dtype, shape, bytes }] of checkpoint.readAll()) {
        expect(checkpoint.info(name)).toEqual({ dtype, shape });
        expect(bytes.length > 0 || shape.includes(0), `${folder}: ${name}`).toBe(true);
      }
    }
  });

  const bad = join(sharedFixtures, 'checkpoints/bad');
  const listed = isMissing ? [] : badFiles(bad);

  /** The invalid configurations that are sound JSON: which sizes and names fit together, only an architecture can tell. */
  const leftToArchitectures = (file: string, reason: string): boolean =>
    file.startsWith('config-') && !/not JSON|not an object|no bytes/.test(reason);

  test.for(listed)('$file ($reason)', async ({ file, kind, valid, reason, tolerated }) => {
    const before = prototypeNames();
    const read = async (): Promise<unknown> => {
      if (kind === 'safetensors') return parseSafetensors(readFileSync(join(bad, file)));
      const folder = await openFolder(join(bad, file));
      return (await folder.has('config.json')) ? readJson(folder, 'config.json') : openCheckpoint(folder);
    };
    if (valid || leftToArchitectures(file, reason)) expect(await read()).toBeDefined();
    else if (tolerated === undefined) await expect(read()).rejects.toBeInstanceOf(CheckpointError);
    expect(prototypeNames()).toEqual(before);
    expect('polluted' in {}).toBe(false);
  });
});
