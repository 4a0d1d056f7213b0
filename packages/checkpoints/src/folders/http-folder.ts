import { concatenate } from '../concatenate.ts';
import { CheckpointError } from '../errors.ts';
import type { FolderKind, FoundFile } from './folder-source.ts';
import { type Connection, contentRange, plainLength, readBody, request, statusError } from './http-request.ts';
import { blobFile, bytesFile } from './memory-folder.ts';
import { withRetries } from './retry.ts';

/** The first request for a file asks for this much, so that small files and most headers need no second one. */
const headBytes = 65_536;

type Reading = Parameters<FoundFile['read']>[2];

/** The files below a URL. Names are single segments, so all requests go to its origin and path. Each file is asked for once and then kept. */
export function httpFolder(base: URL, connection: Connection): FolderKind {
  const known = new Map<string, FoundFile>();
  return {
    location: base.href,
    find: async (name, { signal }) => {
      const file = known.get(name) ?? (await findHttpFile(new URL(name, base), { ...connection, signal }));
      if (file) known.set(name, file);
      return file;
    },
  };
}

/**
 * Asks for a file. Servers that answer byte ranges are read by ranges; from others the whole file is fetched once when first needed.
 * A page in place of a file counts as missing: development servers answer so for any name.
 */
export function findHttpFile(url: URL, connection: Connection): Promise<FoundFile | undefined> {
  return withRetries(async () => {
    const response = await request(url, { ...connection, range: `bytes=0-${headBytes - 1}` });
    const { status } = response;
    const range = contentRange(response);
    const isPage = response.headers.get('content-type')?.startsWith('text/html') ?? false;
    if (status === 206 && range && !isPage) return rangedFile(url, { response, range, connection });
    const size = status === 200 ? plainLength(response) : undefined;
    if (status === 200 && !isPage && (size ?? Infinity) <= headBytes)
      return bytesFile(await joined(response, { url, size }));
    await response.body?.cancel();
    if (status === 404 || status === 410 || isPage) return undefined;
    if (status === 416 && range?.size === 0) return bytesFile(new Uint8Array());
    if (status === 200 && size !== undefined) return wholeFile(url, { size, connection });
    if (status === 200 || status === 206) return fetchWhole(url, { connection, onBytes: undefined });
    throw statusError(url.href, response);
  }, connection);
}

interface RangedAnswer {
  readonly response: Response;
  readonly range: { readonly begin: number; readonly end: number; readonly size: number };
  readonly connection: Connection;
}

async function rangedFile(url: URL, { response, range, connection }: RangedAnswer): Promise<FoundFile> {
  const error = rangeError(url, response, {
    version: undefined,
    begin: 0,
    end: Math.min(range.size, headBytes),
    size: range.size,
  });
  if (error) throw error;
  const head = await joined(response, { url, size: range.end });
  const version = versionOf(response);
  let whole: FoundFile | undefined;

  const read = (begin: number, end: number, { signal, onBytes }: Reading): Promise<Uint8Array> => {
    const options = { ...connection, signal };
    return withRetries(async () => {
      const answer = await request(url, { ...options, range: `bytes=${begin}-${end - 1}` });
      const error = rangeError(url, answer, { version, begin, end, size: range.size });
      if (error) {
        await answer.body?.cancel();
        throw error;
      }
      if (answer.status === 206) return joined(answer, { url, size: end - begin, signal, onBytes });
      whole = await blobOf(answer, { url, size: range.size, signal, onBytes });
      return whole.read(begin, end, { signal, onBytes: ignore });
    }, options);
  };

  return {
    size: range.size,
    read: (begin, end, options) => {
      if (begin === end || end <= head.length) return bytesFile(head).read(begin, end, options);
      return whole ? whole.read(begin, end, options) : read(begin, end, options);
    },
  };
}

/** A file from a server that knows no ranges: the first read fetches all of it. */
function wholeFile(url: URL, { size, connection }: { size: number; connection: Connection }): FoundFile {
  let whole: Promise<FoundFile> | undefined;
  return {
    size,
    read: async (begin, end, { signal, onBytes }) => {
      whole ??= fetchWhole(url, { connection: { ...connection, signal }, onBytes, size });
      try {
        return await (await whole).read(begin, end, { signal, onBytes: ignore });
      } catch (error) {
        whole = undefined;
        throw error;
      }
    },
  };
}

interface WholeOptions {
  readonly connection: Connection;
  readonly onBytes: ((count: number) => void) | undefined;
  readonly size?: number;
}

function fetchWhole(url: URL, { connection, onBytes, size }: WholeOptions): Promise<FoundFile> {
  return withRetries(async () => {
    const response = await request(url, connection);
    if (response.status === 200) return blobOf(response, { url, size, signal: connection.signal, onBytes });
    await response.body?.cancel();
    throw statusError(url.href, response);
  }, connection);
}

type BodyReading = Parameters<typeof readBody>[1];

/** Kept as a Blob, which browsers may move from memory to disk. */
async function blobOf(response: Response, reading: BodyReading): Promise<FoundFile> {
  return blobFile(new Blob(await readBody(response, reading)), reading.url.href);
}

async function joined(response: Response, reading: BodyReading): Promise<Uint8Array> {
  return concatenate(await readBody(response, reading));
}

function versionOf(response: Response): string | undefined {
  return response.headers.get('etag') ?? response.headers.get('last-modified') ?? undefined;
}

interface WantedRange {
  readonly version: string | undefined;
  readonly begin: number;
  readonly end: number;
  readonly size: number;
}

/** What is wrong with an answer to a request for a range; a whole file (200) of the same version is an answer too. */
function rangeError(
  url: URL,
  answer: Response,
  { version, begin, end, size }: WantedRange,
): CheckpointError | undefined {
  const isOther = version !== undefined && (versionOf(answer) ?? version) !== version;
  if (isOther || answer.status === 416)
    return new CheckpointError('changed', `${url.href}: was replaced since it was first read`);
  if (answer.status === 200) return undefined;
  if (answer.status !== 206) return statusError(url.href, answer);
  const got = contentRange(answer);
  if (got?.begin === begin && got.end === end && got.size === size) return undefined;
  const header = answer.headers.get('content-range') ?? 'none';
  return new CheckpointError(
    'range',
    `${url.href}: Content-Range must be bytes ${begin}-${end - 1}/${size}, got ${header}`,
  );
}

function ignore(): void {}
