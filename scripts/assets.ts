/**
 * Builds what packages generate (`build:assets`: bundled gradients, WASM kernels), from turbo's cache where nothing
 * changed. Prints nothing unless it fails, so that a script which runs it first keeps its standard output.
 */
import { run } from './lib/run.ts';

const { code, output } = await run(['turbo', 'run', 'build:assets', '--output-logs=errors-only']);
if (code !== 0) process.stderr.write(output);
process.exitCode = code;
