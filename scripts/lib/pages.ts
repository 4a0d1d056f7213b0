import { build, createServer, type InlineConfig, preview } from 'vite';
import type { Consumer } from './consumers.ts';

/** Looks at a page and says what is wrong with it. */
export type Visit = (page: string) => Promise<string[]>;

/** Serves a consumer by `vite dev`, and what `vite build` makes of it, and visits both pages. */
export async function visitPages({ pack, directory }: Consumer, visit: Visit): Promise<string[]> {
  const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
  const options: InlineConfig = {
    root: directory,
    configFile: false,
    logLevel: 'error',
    build: { target: 'esnext' },
    server: { port: 0, headers, watch: null },
    preview: { port: 0, headers },
  };
  const told = (how: string, breaches: readonly string[]): string[] =>
    breaches.map((line) => `${pack.path} ${how}: ${line}`);
  try {
    const server = await (await createServer(options)).listen();
    const inDevelopment = await visit(server.resolvedUrls?.local[0] ?? '').finally(() => server.close());
    await build(options);
    const built = await preview(options);
    const whenBuilt = await visit(built.resolvedUrls?.local[0] ?? '').finally(() => built.close());
    return [...told('under vite dev', inDevelopment), ...told('after vite build', whenBuilt)];
  } catch (error) {
    return told('under vite', [String(error)]);
  }
}
