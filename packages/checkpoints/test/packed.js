// Run by check:packages in a project that has only the packed package, in Node and on a page.
import { fromFloat32, memoryTarget, openCheckpoint, openFolder, saveCheckpoint, toFloat32 } from '@formers/checkpoints';

const target = memoryTarget();
await saveCheckpoint(target, [['a', fromFloat32(Float32Array.of(1.5, -2), [2], 'F16')]]);
const checkpoint = await openCheckpoint(await openFolder(target.files));
const values = toFloat32(await checkpoint.read('a'));
if (values[0] !== 1.5 || values[1] !== -2) throw new Error(`read ${values.join(', ')}`);
