import { describe, expect, test } from 'vitest';

import {
  type CheckpointErrorCode,
  type FileProgress,
  type FolderSource,
  openCheckpoint,
  openFolder,
} from '../../src/index.ts';
import { expectError } from '../support/expect-error.ts';
import { type Fault, type LoopbackServer, loopbackServer } from '../support/loopback-server.ts';
import { headerOf, rawFile } from '../support/safetensors-bytes.ts';

/** Longer than what the first request for a file asks for. */
const large = Uint8Array.from({ length: 200_000 }, (_, i) => i % 251);

const quick = { retries: 3, retryDelay: 1 };

async function open(
  options: Parameters<typeof openFolder>[1] = {},
): Promise<{ server: LoopbackServer; folder: FolderSource }> {
  const server = await loopbackServer(
    new Map([
      ['large.bin', large],
      ['small.bin', large.subarray(0, 100)],
    ]),
  );
  return { server, folder: await openFolder(server.url, { ...quick, ...options }) };
}

const status =
  (code: number, headers: Record<string, string> = {}): Fault =>
  (_, response) =>
    void response.writeHead(code, headers).end();
const cut: Fault = (_, response) => void response.destroy();
const cutWithin: Fault = (_, response) => {
  response.writeHead(206, { etag: '"1"', 'content-range': 'bytes 100000-100099/200000', 'content-length': 100 });
  response.write(new Uint8Array(50), () => response.destroy());
};
const part =
  (range: string, count: number, etag = '"1"'): Fault =>
  (_, response) =>
    void response.writeHead(206, { etag, 'content-range': range, 'content-length': count }).end(new Uint8Array(count));

describe('requests', () => {
  test('a small file takes one', async () => {
    const { server, folder } = await open();
    expect(await folder.has('small.bin')).toBe(true);
    expect(await folder.read('small.bin')).toEqual(large.subarray(0, 100));
    expect(server.requests).toEqual(['GET /files/small.bin bytes=0-65535']);
  });

  test('a range asks for just its bytes', async () => {
    const { server, folder } = await open();
    expect(await folder.readRange('large.bin', 100_000, 100_100)).toEqual(large.subarray(100_000, 100_100));
    expect(await folder.readRange('large.bin', 10, 20)).toEqual(large.subarray(10, 20));
    expect(await folder.readRange('large.bin', 70_000, 70_000)).toHaveLength(0);
    expect(server.requests).toEqual(['GET /files/large.bin bytes=0-65535', 'GET /files/large.bin bytes=100000-100099']);
  });

  test('a server without ranges is asked for the file once', async () => {
    const { server, folder } = await open();
    server.ranges = false;
    expect(await folder.has('large.bin')).toBe(true);
    expect(await folder.size('large.bin')).toBe(200_000);
    expect(await folder.readRange('large.bin', 100_000, 100_100)).toEqual(large.subarray(100_000, 100_100));
    expect(await folder.readRange('large.bin', 199_999, 200_000)).toEqual(large.subarray(199_999));
    expect(server.requests).toEqual(['GET /files/large.bin bytes=0-65535', 'GET /files/large.bin']);
  });

  test('a server that stops answering ranges', async () => {
    const { server, folder } = await open();
    await folder.size('large.bin');
    server.ranges = false;
    expect(await folder.readRange('large.bin', 100_000, 100_100)).toEqual(large.subarray(100_000, 100_100));
    expect(await folder.readRange('large.bin', 150_000, 150_001)).toEqual(large.subarray(150_000, 150_001));
    expect(server.requests).toHaveLength(2);
  });

  test('a server that tells no length', async () => {
    const { server, folder } = await open();
    const chunked: Fault = (_, response) => {
      response.writeHead(200);
      response.write(large.subarray(0, 100_000));
      response.end(large.subarray(100_000));
    };
    server.faults.push(chunked, chunked);
    expect(await folder.size('large.bin')).toBe(200_000);
  });

  test('a range whose place is hidden, as from pages of another origin', async () => {
    const { server, folder } = await open();
    server.faults.push((_, response) => void response.writeHead(206).end(large.subarray(0, 65_536)));
    server.ranges = false;
    expect(await folder.read('large.bin')).toEqual(large);
  });

  test('a page in place of a file is a missing file', async () => {
    const { server, folder } = await open();
    server.faults.push(status(200, { 'content-type': 'text/html; charset=utf-8' }));
    expect(await folder.has('small.bin')).toBe(false);
  });

  test('the tensors of a checkpoint: one request for the header, one for each block of neighbours', async () => {
    const count = 150_000;
    const header = headerOf({
      a: { dtype: 'U8', shape: [count], data_offsets: [0, count] },
      b: { dtype: 'U8', shape: [2], data_offsets: [count, count + 2] },
    });
    const data = new Uint8Array(count + 2).fill(7);
    const server = await loopbackServer(new Map([['model.safetensors', rawFile(header, { data })]]));
    const checkpoint = await openCheckpoint(await openFolder(server.url));
    for (const name of checkpoint.names) expect(new Set((await checkpoint.read(name)).bytes)).toEqual(new Set([7]));
    expect(server.requests).toHaveLength(2);
  });
});

describe('failures that pass', () => {
  test.for<[string, Fault]>([
    ['a lost connection', cut],
    ['408', status(408)],
    ['429', status(429)],
    ['500', status(500)],
    ['502', status(502)],
    ['503', status(503)],
    ['504', status(504)],
  ])('%s, three times', async ([, fault]) => {
    const { server, folder } = await open();
    server.faults.push(fault, fault, fault);
    expect(await folder.read('small.bin')).toEqual(large.subarray(0, 100));
    expect(server.requests).toHaveLength(4);
  });

  test('a connection lost within the body', async () => {
    const events: FileProgress[] = [];
    const { server, folder } = await open({ onProgress: (event) => events.push(event) });
    await folder.size('large.bin');
    server.faults.push(cutWithin, cutWithin);
    expect(await folder.readRange('large.bin', 100_000, 100_100)).toEqual(large.subarray(100_000, 100_100));
    expect(server.requests).toHaveLength(4);
    expect(events.at(-1)).toEqual({ file: 'large.bin', loadedBytes: 100, totalBytes: 200_000 });
  });

  test('too many of them', async () => {
    const { server, folder } = await open();
    server.faults.push(cut, status(503), cut, status(503));
    const error = await expectError('network', () => folder.read('small.bin'));
    expect(error.message).toContain('503');
    expect(server.requests).toHaveLength(4);
  });

  test('none is tried again when told so', async () => {
    const { server, folder } = await open({ retries: 0 });
    server.faults.push(cut);
    await expectError('network', () => folder.read('small.bin'));
    expect(server.requests).toHaveLength(1);
  });

  test('no server at all', () =>
    expectError('network', async () => (await openFolder('http://127.0.0.1:1/', quick)).read('a.bin')));
});

describe('failures that stay', () => {
  test.for([400, 401, 403, 405, 501])('%d', async (code) => {
    const { server, folder } = await open();
    server.faults.push(status(code));
    const error = await expectError('network', () => folder.has('small.bin'));
    expect(error.message).toContain(String(code));
    expect(server.requests).toHaveLength(1);
  });

  test.for([404, 410])('%d is a missing file', async (code) => {
    const { server, folder } = await open();
    server.faults.push(status(code));
    expect(await folder.has('small.bin')).toBe(false);
  });

  test.for<[string, Fault, CheckpointErrorCode]>([
    ['another range', part('bytes 100001-100100/200000', 100), 'range'],
    ['a range that begins later', part('bytes 100001-100099/200000', 99), 'range'],
    ['a shorter range', part('bytes 100000-100049/200000', 50), 'range'],
    ['another size of the file', part('bytes 100000-100099/200001', 100), 'range'],
    ['a body shorter than its range', part('bytes 100000-100099/200000', 50), 'range'],
    ['a body longer than its range', part('bytes 100000-100099/200000', 150), 'range'],
    ['a range without numbers', part('bytes x-y/z', 100), 'range'],
    ['a range with a sign', part('bytes +100000-100099/200000', 100), 'range'],
    ['a range of unknown size', part('bytes 100000-100099/*', 100), 'range'],
    ['another unit', part('items 100000-100099/200000', 100), 'range'],
    ['no range', (_, response) => void response.writeHead(206, { etag: '"1"' }).end(new Uint8Array(100)), 'range'],
    ['another ETag', part('bytes 100000-100099/200000', 100, '"2"'), 'changed'],
    ['416', status(416, { 'content-range': 'bytes */50' }), 'changed'],
    ['another file, whole', (_, response) => void response.writeHead(200, { etag: '"2"' }).end(large), 'changed'],
    [
      'a whole file of another size',
      (_, response) => void response.writeHead(200, { etag: '"1"' }).end(large.subarray(1)),
      'range',
    ],
    ['404 for a range', status(404), 'network'],
  ])('%s', async ([, fault, code]) => {
    const { server, folder } = await open();
    await folder.size('large.bin');
    server.faults.push(fault);
    await expectError(code, () => folder.readRange('large.bin', 100_000, 100_100));
    expect(server.requests).toHaveLength(2);
    expect(await folder.readRange('large.bin', 100_000, 100_100)).toEqual(large.subarray(100_000, 100_100)); // nothing wrong was kept
  });

  test.for<[string, Fault]>([
    ['a range that does not begin at 0', part('bytes 1-65536/200000', 65_536)],
    ['a range shorter than asked', part('bytes 0-99/200000', 100)],
    ['a range shorter than it says', part('bytes 0-65535/200000', 100)],
    ['a range longer than the file', part('bytes 0-65535/100', 65_536)],
  ])('in the first answer: %s', async ([, fault]) => {
    const { server, folder } = await open();
    server.faults.push(fault);
    await expectError('range', () => folder.size('large.bin'));
  });

  test('Last-Modified serves where there is no ETag', async () => {
    const answer =
      (date: string, begin: number): Fault =>
      (_, response) =>
        void response
          .writeHead(206, { 'last-modified': date, 'content-range': `bytes ${begin}-${begin + 65_535}/200000` })
          .end(new Uint8Array(65_536));
    const { server, folder } = await open();
    server.faults.push(answer('Mon, 01 Jan 2024 00:00:00 GMT', 0), answer('Tue, 02 Jan 2024 00:00:00 GMT', 100_000));
    await expectError('changed', () => folder.readRange('large.bin', 100_000, 165_536));
  });

  test('a file that promises more than it has, from a server without ranges', async () => {
    const { server, folder } = await open({ retries: 1 });
    const short: Fault = (_, response) => {
      response.writeHead(200, { 'content-length': 100_000 });
      response.write(new Uint8Array(500), () => response.destroy());
    };
    server.faults.push(short, short, short);
    await expectError('network', () => folder.read('large.bin'));
  });
});

describe('aborting', () => {
  /** For servers to call, so that the request is there, however slow the machine. */
  const soon = (controller: AbortController): void => void setTimeout(() => controller.abort(new Error('enough')), 20);

  test('while waiting for an answer', async () => {
    const { server, folder } = await open();
    const controller = new AbortController();
    server.faults.push(() => soon(controller));
    await expect(folder.read('small.bin', { signal: controller.signal })).rejects.toThrow('enough');
    expect(await folder.read('small.bin')).toHaveLength(100);
  });

  test('within a body', async () => {
    const { server, folder } = await open();
    const controller = new AbortController();
    server.faults.push((_, response) => {
      response.writeHead(206, { 'content-range': 'bytes 0-65535/200000', 'content-length': 65_536 });
      response.write(new Uint8Array(10), () => soon(controller));
    });
    await expect(folder.read('large.bin', { signal: controller.signal })).rejects.toThrow('enough');
  });

  test('while waiting to try again', async () => {
    const { server, folder } = await open({ retryDelay: 60_000 });
    const controller = new AbortController();
    server.faults.push((_, response) => {
      response.destroy();
      soon(controller);
    });
    await expect(folder.read('small.bin', { signal: controller.signal })).rejects.toThrow('enough');
    expect(server.requests).toHaveLength(1);
  });
});

test("one's own fetch is asked", async () => {
  const asked: string[] = [];
  const folder = await openFolder('https://models.example/tiny', {
    fetch: (input, init) => {
      asked.push(`${String(input)} ${new Headers(init?.headers).get('range')}`);
      return Promise.resolve(new Response('{"a":1}', { headers: { 'content-length': '7' } }));
    },
  });
  expect(new TextDecoder().decode(await folder.read('config.json'))).toBe('{"a":1}');
  expect(asked).toEqual(['https://models.example/tiny/config.json bytes=0-65535']);
});
