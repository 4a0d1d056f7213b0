import type { EngineFactory } from '@formers/backend';
import { describe, test } from 'vitest';

import { useEngineForTests } from '../engine.ts';
import { adafactorTests } from './adafactor-tests.ts';
import { addNormCases } from './add-norm-cases.ts';
import { attentionCases } from './attention-cases.ts';
import { choiceCases } from './choice-cases.ts';
import { emptyTests } from './empty-tests.ts';
import { imageCases } from './image-cases.ts';
import { imageTests } from './image-tests.ts';
import { linearCases } from './linear-cases.ts';
import { lionTests, muonTests } from './lion-muon-tests.ts';
import { lossCases } from './loss-cases.ts';
import { checkCase, type OpCase, workOf } from './op-case.ts';
import { optimizerTests } from './optimizer-tests.ts';
import { lstmStatesCase, recurrentCases } from './recurrent-cases.ts';
import { rotaryCases } from './rotary-cases.ts';
import { sgdTests } from './sgd-tests.ts';
import { tfjsCases } from './tfjs-cases.ts';
import { torchTests } from './torch-tests.ts';
import { viewCases } from './view-cases.ts';
import { writeTokensTests } from './write-tokens-tests.ts';

const allCases: readonly OpCase[] = [
  ...linearCases,
  ...addNormCases,
  ...attentionCases,
  ...lossCases,
  ...imageCases,
  ...rotaryCases,
  ...recurrentCases,
  lstmStatesCase,
  ...tfjsCases,
  ...choiceCases,
  ...viewCases,
];

/** Options of {@link opSuite}. */
export interface OpSuiteOptions {
  /** Whether to skip, by name, the cases of most work: for GPUs that are emulated in software. */
  readonly skipLarge?: boolean;
}

/** Multiply-adds beyond which a case is large. */
const MOST_WORK = 2_100_000;

/**
 * Registers the tests that every engine has to pass: each op forward and backward, against float64 references and against the compositions on tfjs's plain
 * engine; sizes around those of tiles, odd batches and heads, masks, windows, dropout, axes of size 0.
 */
export function opSuite(factory: EngineFactory, { skipLarge = false }: OpSuiteOptions = {}): void {
  describe(`ops on ${factory.name}`, () => {
    useEngineForTests(factory);
    for (const opCase of allCases) {
      const isSkipped = skipLarge && workOf(opCase) > MOST_WORK;
      test.skipIf(isSkipped)(`op: ${opCase.name}${isSkipped ? ' (too large here)' : ''}`, () => checkCase(opCase));
    }
    optimizerTests();
    sgdTests();
    adafactorTests();
    lionTests();
    muonTests();
    torchTests();
    imageTests();
    emptyTests();
    writeTokensTests();
  });
}
