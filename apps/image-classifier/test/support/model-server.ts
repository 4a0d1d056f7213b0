import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** A host of models, other than the page's. */
export interface ModelServer extends AsyncDisposable {
  readonly url: string;
  /** What it was asked for, and the referrer where one was told. */
  readonly asked: string[];
}

/** Serves a folder to any page, without ranges; `cut` files break off in the middle. */
export async function serveModel(folder: string, { cut = [] }: { cut?: readonly string[] } = {}): Promise<ModelServer> {
  const asked: string[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const name = path.basename(request.url ?? '');
    asked.push(`${request.method} ${request.url} ${request.headers.referer ?? ''}`.trim());
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Access-Control-Allow-Headers', '*');
    const bytes = request.method === 'GET' ? await readFile(path.join(folder, name)).catch(() => undefined) : undefined;
    if (bytes === undefined) return void response.writeHead(request.method === 'OPTIONS' ? 204 : 404).end();
    response.setHeader('Content-Length', bytes.length);
    if (!cut.includes(name)) return void response.end(bytes);
    response.write(bytes.subarray(0, bytes.length / 2));
    setTimeout(() => response.destroy(), 50);
  };
  const server = createServer((request, response) => void answer(request, response)).listen(0, 'localhost');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://localhost:${port}/models/tiny`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
