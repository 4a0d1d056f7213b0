import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { onTestFinished } from 'vitest';

import type { Fault } from './loopback-server.ts';

/** What the hub of these tests has: one model, `owner/tiny`, whose branch `main` is at {@link commit}. */
export interface LoopbackHub {
  readonly url: string;
  /** Method, path and range of each request so far, without queries. */
  readonly requests: string[];
  /** The next requests are offered to these first, one each. */
  readonly faults: Fault[];
  /** SHA-256 that is told for all files in place of the true one. */
  wrongHash: string | undefined;
  /** Ends the server. */
  stop(): Promise<void>;
}

/** The commit of the model. */
export const commit: string = '0123456789abcdef0123456789abcdef01234567';

/** Starts a hub with these files, which ends with the test. */
export async function loopbackHub(files: ReadonlyMap<string, Uint8Array>): Promise<LoopbackHub> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    hub.requests.push(`${path} ${request.headers.range ?? ''}`.trimEnd());
    const fault = hub.faults.shift();
    if (fault && fault(request, response) !== false) return;
    if (path === '/api/models/owner/tiny/revision/main') {
      json(response, { _id: '1', id: 'owner/tiny', sha: commit, lastModified: '2026-01-01T00:00:00.000Z' });
    } else if (path === `/api/models/owner/tiny/tree/${commit}`) {
      json(response, [
        { type: 'directory', path: 'onnx' },
        ...[...files.keys()].map((name) => ({ type: 'file', path: name, size: 1 })),
      ]);
    } else if (path.startsWith('/api/')) {
      response.writeHead(401, { 'content-type': 'application/json' }).end('{"error":"Repository not found"}');
    } else {
      file(files.get(path.replace(`/owner/tiny/resolve/${commit}/`, '')), { request, response, hash: hub.wrongHash });
    }
  });
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(stop);
  const hub: LoopbackHub = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    faults: [],
    wrongHash: undefined,
    stop,
  };
  return hub;
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function file(
  bytes: Uint8Array | undefined,
  { request, response, hash }: { request: IncomingMessage; response: ServerResponse; hash: string | undefined },
): void {
  if (!bytes) {
    response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end();
    return;
  }
  const etag = `"${hash ?? createHash('sha256').update(bytes).digest('hex')}"`;
  const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  if (!match) {
    response.writeHead(200, { etag, 'content-length': bytes.length }).end(bytes);
    return;
  }
  const [begin, end] = [Number(match[1]), Math.min(Number(match[2]) + 1, bytes.length)];
  response
    .writeHead(206, { etag, 'content-range': `bytes ${begin}-${end - 1}/${bytes.length}` })
    .end(bytes.subarray(begin, end));
}
