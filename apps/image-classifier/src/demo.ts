import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { build, preview } from 'vite';

const HELP = `Builds the page that classifies what you draw, serves it, and prints its address as the last line.

  npx pnpm@12 demo [--port <n>]

  --port <n>  the port on this machine (default 4173, or the next one that is free)
  --help      this text
`;

const app = fileURLToPath(new URL('..', import.meta.url));
const configFile = fileURLToPath(new URL('../vite.config.ts', import.meta.url));

try {
  const { port, help } = readOptions(process.argv.slice(2));
  if (help) process.stdout.write(HELP);
  else console.log(await serve(port));
} catch (error) {
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

/** Builds and serves the page; gives its address. */
async function serve(port: number | undefined): Promise<string> {
  await build({ configFile, logLevel: 'warn' });
  if (!existsSync(`${app}dist/model/config.json`))
    console.error(`demo: ${app}public/model has no model; the page will say so`);
  const own = port === undefined ? {} : { port, strictPort: true };
  const server = await preview({ configFile, logLevel: 'warn', preview: own });
  return server.resolvedUrls?.local[0] ?? '';
}

function readOptions(args: string[]): { port: number | undefined; help: boolean } {
  const { values } = parseArgs({
    args,
    options: { port: { type: 'string' }, help: { type: 'boolean' } },
    strict: true,
  });
  const port = values.port === undefined ? undefined : Number(values.port);
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port < 65_536)) {
    throw new Error(`--port must be a whole number from 1 to 65535, got ${JSON.stringify(values.port)}`);
  }
  return { port, help: values.help === true };
}
