import { type FileSystem, nodeFileSystem } from '../src/index.ts';

/** Calls that change the disk: where faults can do harm. */
const CHANGES = ['makeFolder', 'create', 'write', 'append', 'sync', 'rename', 'remove'] as const;
export type Change = (typeof CHANGES)[number];

/** What happens in place of a change, or around it; `perform` makes it. */
export type Fault = (call: {
  index: number;
  name: Change;
  args: readonly unknown[];
  perform: () => Promise<void>;
}) => Promise<void>;

/** The disk, with each change going through `fault`. Changes count from 0. Nothing is flushed: only a power cut would show it, and tests last longer. */
export function faultyFileSystem(fault: Fault): FileSystem & { readonly numChanges: number } {
  const disk = { ...nodeFileSystem(), sync: () => Promise.resolve() };
  let index = 0;
  const wrapped = Object.fromEntries(
    CHANGES.map((name) => {
      const change = disk[name] as (...args: readonly unknown[]) => Promise<unknown>;
      const wrapper = async (...args: readonly unknown[]): Promise<unknown> => {
        let result: unknown;
        const perform = async (): Promise<void> => {
          result = await change(...args);
        };
        await fault({ index: index++, name, args, perform });
        return result;
      };
      return [name, wrapper];
    }),
  );
  return {
    ...disk,
    ...wrapped,
    get numChanges() {
      return index;
    },
  };
}

/** An error as Node's `fs` throws it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code, syscall: 'test' });
}

/** A write of the first half of the bytes. */
export async function writeHalf(args: readonly unknown[]): Promise<void> {
  const [path, bytes] = args as [string, Uint8Array];
  await nodeFileSystem().write(path, bytes.subarray(0, bytes.length / 2));
}
