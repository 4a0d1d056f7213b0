import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** The weights of a GPT-2 folder, by name without the prefix, as [shape, values]; and its batches, a pair of id arrays each. */
export async function readTraining({ folder, batch, context }) {
  const bytes = await readFile(path.join(folder, 'model.safetensors'));
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length));
  const weights = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(
      ([
        name,
        {
          shape,
          data_offsets: [from, to],
        },
      ]) => {
        const part = bytes.buffer.slice(bytes.byteOffset + 8 + length + from, bytes.byteOffset + 8 + length + to);
        return [name.replace('transformer.', ''), { shape, values: new Float32Array(part) }];
      },
    );
  const raw = await readFile(path.join(folder, 'batches.bin'));
  const ids = new Int32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength));
  const size = batch * context;
  const batches = Array.from({ length: ids.length / size / 2 }, (_, i) => [
    ids.slice(2 * i * size, (2 * i + 1) * size),
    ids.slice((2 * i + 1) * size, (2 * i + 2) * size),
  ]);
  return { weights, batches };
}
