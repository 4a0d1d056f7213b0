import { opSuite } from '../../testing/src/op-suite/index.ts';
import { webgpu } from '../src/index.ts';
import { dawn } from './dawn.ts';
import { poisoned } from './poisoned.ts';

opSuite(poisoned(webgpu({ gpu: await dawn() })), { skipLarge: true });
