import { readFileSync } from 'node:fs';
import path from 'node:path';

import { zipSync } from 'fflate';

const fixture = path.join(import.meta.dirname, '../fixtures/vit-imgcls');
const config = readFileSync(path.join(fixture, 'config.json'));
const weights = readFileSync(path.join(fixture, 'model.safetensors'));

/** Files that are no model, or a hostile one, with a part of what is said about each. */
export function badModels(): {
  what: string;
  files: { name: string; mimeType: string; buffer: Buffer }[];
  message: RegExp;
}[] {
  const json = (change: object): Buffer => Buffer.from(JSON.stringify({ ...JSON.parse(config.toString()), ...change }));
  const folder = (...[configFile, weightFile]: readonly [Buffer, Buffer]): ReturnType<typeof file>[] => [
    file('config.json', configFile),
    file('model.safetensors', weightFile),
  ];
  const zip = (files: Record<string, Uint8Array>): ReturnType<typeof file>[] => [
    file('model.zip', Buffer.from(zipSync(files))),
  ];
  return [
    {
      what: 'a zip bomb',
      files: zip({ 'config.json': config, 'model.safetensors': new Uint8Array(100_000_000) }),
      message: /given up/,
    },
    {
      what: 'a zip without a model',
      files: zip({ 'readme.txt': Buffer.from('hello') }),
      message: /There is no config\.json/,
    },
    {
      what: 'a zip that is none',
      files: [file('model.zip', Buffer.from('hello'))],
      message: /does not begin as a zip/,
    },
    {
      what: 'a zip that was cut',
      files: [
        file(
          'model.zip',
          Buffer.from(zipSync({ 'config.json': config, 'model.safetensors': weights })).subarray(0, 50_000),
        ),
      ],
      message: /zip|model\.safetensors/,
    },
    { what: 'a header that claims 1 GB', files: folder(config, claiming(1_000_000_000)), message: /header/i },
    {
      what: 'a tensor that claims 1 GB',
      files: folder(config, claimingTensor(250_000_000)),
      message: /end at 1000000079/,
    },
    {
      what: 'a config of a giant',
      files: folder(json({ hidden_size: 2 ** 22 }), weights),
      message: /ViTConfig|parameters|hidden/i,
    },
    {
      what: 'another type of model',
      files: folder(json({ model_type: 'gpt2' }), weights),
      message: /model_type must be one of deit, timm_wrapper, vit/,
    },
    { what: 'a config that is no JSON', files: folder(Buffer.from('{'), weights), message: /config\.json/ },
    { what: 'weights of another shape', files: folder(json({ hidden_size: 64 }), weights), message: /shape|must be/i },
    {
      what: 'weights of another format',
      files: [file('config.json', config), file('pytorch_model.bin', weights)],
      message: /model\.safetensors/,
    },
    { what: 'no config', files: [file('model.safetensors', weights)], message: /There is no config\.json/ },
  ];
}

function file(name: string, buffer: Buffer): { name: string; mimeType: string; buffer: Buffer } {
  return { name, mimeType: 'application/octet-stream', buffer };
}

/** A safetensors file whose header claims so many bytes. */
function claiming(bytes: number): Buffer {
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(BigInt(bytes));
  return Buffer.concat([start, Buffer.from('{}')]);
}

/** A safetensors file with one tensor that claims so many elements, and has none. */
function claimingTensor(elements: number): Buffer {
  const header = Buffer.from(
    JSON.stringify({ x: { dtype: 'F32', shape: [elements], data_offsets: [0, 4 * elements] } }),
  );
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([start, header]);
}
