import { describe, expect, it } from 'vitest';

import { LatestOnly } from '../src/page/latest-only.ts';

/** A worker that finishes a request when told. */
function manual(): { done: string[]; finish: () => Promise<void>; queue: LatestOnly<string> } {
  const done: string[] = [];
  const waiting: (() => void)[] = [];
  const queue = new LatestOnly<string>(async (request) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    done.push(request);
  });
  const finish = async (): Promise<void> => {
    waiting.shift()?.();
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { done, finish, queue };
}

describe('LatestOnly', () => {
  it('works on the first at once, then on the newest', async () => {
    const { done, finish, queue } = manual();
    for (const request of ['a', 'b', 'c']) queue.push(request);
    await finish();
    await finish();
    await finish();
    expect(done).toEqual(['a', 'c']);
    queue.push('d');
    await finish();
    expect(done).toEqual(['a', 'c', 'd']);
  });

  it('forgets what waits', async () => {
    const { done, finish, queue } = manual();
    queue.push('a');
    queue.push('b');
    queue.clear();
    await finish();
    await finish();
    expect(done).toEqual(['a']);
  });
});
