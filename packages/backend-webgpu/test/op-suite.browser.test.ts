import { opSuite } from '../../testing/src/op-suite/index.ts';
import { webgpu } from '../src/index.ts';

opSuite(webgpu(), { skipLarge: true });
