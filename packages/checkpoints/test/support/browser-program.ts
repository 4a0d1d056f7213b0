// A program for a page, bundled and run by browser-bundle.test.ts.
import {
  CheckpointError,
  fromFloat32,
  memoryTarget,
  openCheckpoint,
  openFolder,
  openTarget,
  saveCheckpoint,
  toFloat32,
} from '../../src/index.ts';

/** Saves and reads a tensor in memory, and notes what is refused. */
export async function run(): Promise<{ values: number[]; refused: string[] }> {
  const target = memoryTarget();
  await saveCheckpoint(target, [['a', fromFloat32(Float32Array.of(1.5, 65519, 1e-8), [3], 'F16')]]);
  const checkpoint = await openCheckpoint(await openFolder(target.files));
  const refused: string[] = [];
  const note = (error: unknown): void =>
    void refused.push(CheckpointError.isInstance(error) ? error.code : String(error));
  await openFolder('folder').catch(note);
  await (await openFolder('/models/tiny')).read('config.json').catch(note);
  try {
    openTarget('folder');
  } catch (error) {
    note(error);
  }
  return { values: [...toFloat32(await checkpoint.read('a'))], refused };
}
