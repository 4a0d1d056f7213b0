import { CheckpointError } from '../errors.ts';
import { type RetryOptions, TransientFailure } from './retry.ts';

/** What requests need to know. */
export interface Connection extends RetryOptions {
  readonly fetch: typeof fetch;
}

const transientStatus: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** One GET, of a byte range if told; answers come back whatever their status, but for those that {@link send} throws. */
export function request(
  url: URL,
  { range, ...connection }: Connection & { readonly range?: string },
): Promise<Response> {
  return send(url, { headers: range === undefined ? {} : { Range: range } }, connection);
}

/** One request; lost connections and overloaded servers throw a {@link TransientFailure}. */
export async function send(
  input: RequestInfo | URL,
  init: RequestInit,
  { fetch, signal }: Connection,
): Promise<Response> {
  const url = input instanceof Request ? input.url : String(input);
  let response: Response;
  try {
    response = await fetch(input, { ...init, ...(signal && { signal }) });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new TransientFailure(new CheckpointError('network', `${url}: ${reasonOf(cause)}`, { cause }));
  }
  if (!transientStatus.has(response.status)) return response;
  await response.body?.cancel();
  throw new TransientFailure(statusError(url, response));
}

/** What fetch says, with the reason that Node puts below it. */
function reasonOf(cause: unknown): string {
  return cause instanceof Error && cause.cause instanceof Error
    ? `${cause.message}: ${cause.cause.message}`
    : String(cause);
}

/** The error for an answer that is no file. */
export function statusError(url: string, { status, statusText }: Response): CheckpointError {
  return new CheckpointError('network', `${url}: the server answered ${status} ${statusText}`.trimEnd());
}

/** How a body is read. */
export interface BodyOptions {
  readonly url: URL;
  /** The bytes that must come; any number when undefined. */
  readonly size?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: ((count: number) => void) | undefined;
}

/** The pieces of a body. A lost connection throws a {@link TransientFailure}; more or fewer bytes than `size` throw with code `range`. */
export async function readBody(
  response: Response,
  { url, size, signal, onBytes }: BodyOptions,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let received = 0;
  try {
    const reader = response.body?.getReader();
    for (;;) {
      const piece = reader ? await reader.read() : undefined;
      if (!piece?.value) break;
      received += piece.value.length;
      pieces.push(piece.value);
      if (received > (size ?? Infinity)) {
        await reader?.cancel();
        throw new CheckpointError('range', `${url.href}: wanted ${size} bytes, the answer has more`);
      }
      onBytes?.(piece.value.length);
    }
    if (received < (size ?? 0))
      throw new CheckpointError('range', `${url.href}: wanted ${size} bytes, got ${received}`);
    return pieces;
  } catch (cause) {
    onBytes?.(-pieces.reduce((sum, piece) => sum + piece.length, 0));
    signal?.throwIfAborted();
    if (CheckpointError.isInstance(cause)) throw cause;
    throw new TransientFailure(
      new CheckpointError('network', `${url.href}: the connection broke off: ${reasonOf(cause)}`, { cause }),
    );
  }
}

/** The place and size in a `Content-Range` header; undefined when it is absent, malformed, or hidden from a page of another origin. */
export function contentRange(response: Response): { begin: number; end: number; size: number } | undefined {
  const match = /^bytes (?:([0-9]{1,15})-([0-9]{1,15})|\*)\/([0-9]{1,15})$/.exec(
    response.headers.get('content-range') ?? '',
  );
  if (!match) return undefined;
  return {
    begin: Number(match[1] ?? 0),
    end: match[2] === undefined ? 0 : Number(match[2]) + 1,
    size: Number(match[3]),
  };
}

/** The length of a body that is not compressed on the way. */
export function plainLength(response: Response): number | undefined {
  const length = response.headers.get('content-length');
  return response.headers.has('content-encoding') || length === null || !/^[0-9]{1,15}$/.test(length)
    ? undefined
    : Number(length);
}
