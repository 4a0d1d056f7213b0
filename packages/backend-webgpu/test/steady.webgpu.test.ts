import { test } from 'vitest';

import { expectSteadyTraining } from './steady.ts';

test('100 training steps without growth', () => expectSteadyTraining(100), 120_000);
