import { readFileSync } from 'node:fs';

import { parseSafetensors, toFloat32, toInt32 } from '@formers/checkpoints';

/** One case of the fixture: steps in order on named scores. */
export interface ProcessorCase {
  readonly name: string;
  readonly input_ids: string;
  readonly scores: string;
  readonly steps: readonly { readonly class: string; readonly parameters: Readonly<Record<string, unknown>> }[];
}

const folder = new URL('../fixtures/processors/', import.meta.url);

/** The cases of the fixture. */
export const cases: readonly ProcessorCase[] = JSON.parse(
  readFileSync(new URL('cases.json', folder), 'utf8'),
) as ProcessorCase[];
/** Ids and scores by name, as rows. */
export const inputs: ReadonlyMap<string, number[][]> = readRows('inputs.safetensors');
/** What comes out of each case, as rows. */
export const outputs: ReadonlyMap<string, number[][]> = readRows('outputs.safetensors');

function readRows(name: string): Map<string, number[][]> {
  const { tensors } = parseSafetensors(readFileSync(new URL(name, folder)));
  return new Map(
    [...tensors].map(([key, tensor]) => {
      const values = tensor.dtype === 'I64' ? toInt32(tensor) : toFloat32(tensor);
      const [rows = 0, width = 0] = tensor.shape;
      return [key, Array.from({ length: rows }, (_, row) => [...values.subarray(row * width, (row + 1) * width)])];
    }),
  );
}
