import { opSuite } from '../../testing/src/op-suite/index.ts';
import { cpu } from '../src/index.ts';

opSuite(cpu());
