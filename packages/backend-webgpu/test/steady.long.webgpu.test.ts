import { test } from 'vitest';

import { expectSteadyTraining } from './steady.ts';

test('1,000 training steps without growth', () => expectSteadyTraining(1000), 30 * 60_000);
