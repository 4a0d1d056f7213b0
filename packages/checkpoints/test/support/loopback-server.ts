import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { onTestFinished } from 'vitest';

/** Answers one request in place of the server, or returns false to let it answer. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean | void;

/** A server on this machine that hands out files below /files/. */
export interface LoopbackServer {
  readonly url: string;
  /** Method, path and range of each request so far. */
  readonly requests: string[];
  /** The next requests are offered to these first, one each. */
  readonly faults: Fault[];
  /** ETag of all files. */
  etag: string;
  /** Whether byte ranges are answered. */
  ranges: boolean;
}

/** Starts a server, which ends with the test. */
export async function loopbackServer(files: ReadonlyMap<string, Uint8Array>): Promise<LoopbackServer> {
  const state: LoopbackServer = { url: '', requests: [], faults: [], etag: '"1"', ranges: true };
  const server = createServer((request, response) => {
    state.requests.push(`${request.method} ${request.url} ${request.headers.range ?? ''}`.trimEnd());
    const fault = state.faults.shift();
    if (fault && fault(request, response) !== false) return;
    const bytes = files.get(decodeURIComponent(request.url ?? '').replace(/^\/files\//, ''));
    if (bytes) answer(bytes, { request, response, state });
    else response.writeHead(404).end('not here');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return Object.assign(state, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/files/` });
}

function answer(
  bytes: Uint8Array,
  { request, response, state }: { request: IncomingMessage; response: ServerResponse; state: LoopbackServer },
): void {
  const match = state.ranges ? /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') : null;
  if (!match) {
    response.writeHead(200, { etag: state.etag, 'content-length': bytes.length }).end(bytes);
    return;
  }
  const [begin, end] = [Number(match[1]), Math.min(Number(match[2]) + 1, bytes.length)];
  if (begin >= bytes.length) {
    response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
    return;
  }
  const part = bytes.subarray(begin, end);
  response
    .writeHead(206, {
      etag: state.etag,
      'content-length': part.length,
      'content-range': `bytes ${begin}-${end - 1}/${bytes.length}`,
    })
    .end(part);
}
