import { type StoredTensor, toFloat32, toInt32 } from '@formers/checkpoints';
import * as generation from '@formers/generation';
import type { LogitsProcessor } from '@formers/generation';

import { type Case, readCaseJson, readCaseTensors, type Tolerance, toleranceOf, Unsupported } from '../case.ts';
import type { Comparison } from '../comparison.ts';

/** One line of cases.json: processors, one after another, on stored scores. */
interface ProcessorCase {
  readonly name: string;
  readonly input_ids: string;
  readonly scores: string;
  readonly steps: readonly { readonly class: string; readonly parameters: Readonly<Record<string, unknown>> }[];
}

const FACTORIES: ReadonlyMap<string, unknown> = new Map(Object.entries(generation));

/** The logits processors of a folder by name. */
export async function processorCases(testCase: Case): Promise<[string, (comparison: Comparison) => Promise<void>][]> {
  const cases = await readCaseJson<ProcessorCase[]>(testCase.folder, 'cases.json');
  const { tensors: inputs } = await readCaseTensors(testCase.folder, 'inputs.safetensors');
  const { tensors: outputs } = await readCaseTensors(testCase.folder, 'outputs.safetensors');
  const ids = (name: string): number[][] => rows(stored(inputs, name), (tensor) => [...toInt32(tensor)]);
  return cases.map(({ name, steps, scores, input_ids: idsName }) => [
    name,
    (comparison) => {
      const tolerance: Tolerance = toleranceOf(testCase, 'finite'); // infinite values are compared exactly
      const expected = rows(stored(outputs, name), (tensor) => [...toFloat32(tensor)]);
      rows(stored(inputs, scores), (tensor) => [...toFloat32(tensor)]).forEach((start, row) => {
        const logits = Float64Array.from(start);
        for (const step of steps) createProcessor(step, { row, ids })(ids(idsName)[row] ?? [], logits);
        comparison.numbers(`row ${row}`, logits, { expected: expected[row] ?? [], tolerance });
      });
      return Promise.resolve();
    },
  ]);
}

/** Our processors have Hugging Face's names with a small first letter, and its parameters in camelCase. */
function createProcessor(
  { class: name, parameters }: ProcessorCase['steps'][number],
  { row, ids }: { row: number; ids: (name: string) => number[][] },
): LogitsProcessor {
  const factory = FACTORIES.get(`${name.charAt(0).toLowerCase()}${name.slice(1)}`);
  if (typeof factory !== 'function') throw new Unsupported(`the processor ${name}`);
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(parameters)) {
    const isTensor = key.endsWith('input_ids') && typeof value === 'string';
    options[key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())] = isTensor
      ? ids(value)[row]
      : value;
  }
  const allowed = options['allowedTokensByLastToken'] as Readonly<Record<string, number[]>> | undefined;
  if (allowed)
    options['prefixAllowedTokens'] = (_prompt: number, tokens: readonly number[]) => allowed[String(tokens.at(-1))];
  return (factory as (options: object) => LogitsProcessor)(options);
}

function stored(tensors: ReadonlyMap<string, StoredTensor>, name: string): StoredTensor {
  const tensor = tensors.get(name);
  if (!tensor) throw new Error(`no tensor ${name}`);
  return tensor;
}

/** A matrix as rows. */
function rows(tensor: StoredTensor, read: (tensor: StoredTensor) => number[]): number[][] {
  const values = read(tensor);
  const [count = 1, width = values.length] = tensor.shape;
  return Array.from({ length: count }, (_, row) => values.slice(row * width, (row + 1) * width));
}
