import { type Case, type CaseResult, Unsupported } from './case.ts';
import { Comparison } from './comparison.ts';
import { findCases } from './find-cases.ts';
import { attentionCases } from './groups/attention.ts';
import { checkpointCases } from './groups/checkpoints.ts';
import { generationCases } from './groups/generation.ts';
import { imageCases } from './groups/images.ts';
import { runModelCase } from './groups/models.ts';
import { positionalCases } from './groups/positional.ts';
import { tokenizerCases } from './groups/tokenizers.ts';
import { runTrainingCase, scheduleCases } from './groups/training.ts';

type Run = (comparison: Comparison) => Promise<void>;

/** Runs every case under a folder, one after another; `isHalf` where the engine has f16 storage. */
export async function* runParity(
  root: string,
  { isHalf = false }: { isHalf?: boolean } = {},
): AsyncGenerator<CaseResult> {
  for (const testCase of await findCases(root)) {
    const { group, name } = testCase;
    try {
      for (const [part, run] of await partsOf(testCase))
        yield await runPart({ group, name: part ? `${name}/${part}` : name, run, isHalf });
    } catch (error) {
      yield resultOf({ group, name, error, comparison: new Comparison() });
    }
  }
}

/** What a case consists of, each to be reported by itself. */
async function partsOf(testCase: Case): Promise<[part: string, run: Run][]> {
  switch (testCase.group) {
    case 'attention':
      return attentionCases(testCase);
    case 'checkpoints':
      return checkpointCases(testCase);
    case 'generation':
      return generationCases(testCase);
    case 'images':
      return imageCases(testCase);
    case 'models':
      return [['', (comparison) => runModelCase(testCase, comparison)]];
    case 'positional':
      return positionalCases(testCase);
    case 'schedules':
      return scheduleCases(testCase);
    case 'tokenizers':
      return tokenizerCases(testCase);
    case 'training':
      return [['', (comparison) => runTrainingCase(testCase, comparison)]];
    default:
      throw new Unsupported(`the group ${testCase.group}`);
  }
}

async function runPart({
  group,
  name,
  run,
  isHalf,
}: {
  group: string;
  name: string;
  run: Run;
  isHalf: boolean;
}): Promise<CaseResult> {
  const comparison = new Comparison({ isHalf });
  try {
    await run(comparison);
    if (comparison.compared === 0) comparison.wrong('nothing was compared');
    return resultOf({ group, name, comparison });
  } catch (error) {
    return resultOf({ group, name, error, comparison });
  }
}

function resultOf({
  group,
  name,
  error,
  comparison,
}: {
  group: string;
  name: string;
  error?: unknown;
  comparison: Comparison;
}): CaseResult {
  const { compared, worst, detail } = comparison;
  if (error instanceof Unsupported)
    return { group, name, status: 'unsupported', compared, worst, detail: error.message };
  if (error !== undefined) return { group, name, status: 'fail', compared, worst: Infinity, detail: String(error) };
  return { group, name, status: worst > 1 ? 'fail' : 'pass', compared, worst, detail };
}
