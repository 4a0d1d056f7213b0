import { type LanguageModel, generate, parseGenerationConfig } from '@formers/generation';

import { type Case, readCaseJson, toleranceOf, Unsupported } from '../case.ts';
import type { Comparison } from '../comparison.ts';
import { adapterOf } from '../models/index.ts';
import { processorCases } from './processors.ts';

/** One line of cases.json: a call of `generate` and what came of it. */
interface GenerationCase {
  readonly name: string;
  readonly options: { readonly decoder_input_ids?: readonly number[][] };
  readonly input_ids: readonly number[][];
  readonly attention_mask?: readonly number[][];
  readonly sequences: readonly number[][];
  readonly sequences_scores?: readonly number[];
  readonly transition_scores?: readonly (number | null)[][];
}

/** The single searches of a generation folder by name; or the logits processors, where there is no model. */
export async function generationCases(testCase: Case): Promise<[string, (comparison: Comparison) => Promise<void>][]> {
  if (testCase.description.model_class === undefined) return processorCases(testCase);
  const adapter = adapterOf(testCase.description.model_class);
  if (!adapter.isDecoder) throw new Unsupported(`generation with a ${testCase.description.model_class}`);
  const cases = await readCaseJson<GenerationCase[]>(testCase.folder, 'cases.json');
  const generationConfig = parseGenerationConfig(await readCaseJson(testCase.folder, 'generation_config.json'));
  return cases.map((one) => [
    one.name,
    async (comparison) => {
      const model = await adapter.load(testCase.folder);
      try {
        const { decoder_input_ids: decoderInputIds, ...given } = one.options;
        const options = {
          generationConfig,
          ...parseGenerationConfig(given),
          doSample: false, // the cases never sample, whatever their options
          attentionMask: one.attention_mask,
          decoderInputIds,
        };
        const result = await generate(model as unknown as LanguageModel, one.input_ids, options);
        comparison.equal('sequences', result.sequences, one.sequences);
        if (one.sequences_scores) {
          const tolerance = toleranceOf(testCase, 'sequences_scores');
          comparison.numbers('sequences_scores', result.sequenceScores ?? [], {
            expected: one.sequences_scores,
            tolerance,
          });
        }
        one.transition_scores?.forEach((expected, row) => {
          const scores = result.scores[row] ?? [];
          // After a row's end the library goes on with the scores of padding; null stands for an infinite value.
          const numbers = expected.slice(0, scores.length).map((score) => score ?? -Infinity);
          comparison.numbers(`transition_scores ${row}`, scores, {
            expected: numbers,
            tolerance: toleranceOf(testCase, 'transition_scores'),
          });
        });
      } finally {
        model.dispose();
      }
    },
  ]);
}
