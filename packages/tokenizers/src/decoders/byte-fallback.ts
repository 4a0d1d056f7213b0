import type { Decoder } from './decoder.ts';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Joins runs of `<0xE2>` tokens to text; a run that is no UTF-8 becomes one U+FFFD per byte. */
export const byteFallback: Decoder = (tokens) => {
  const result: string[] = [];
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length > 0) result.push(...decodeRun(bytes));
    bytes = [];
  };
  for (const token of tokens) {
    const byte = /^<0x[0-9a-fA-F]{2}>$/.test(token) ? Number.parseInt(token.slice(3, 5), 16) : -1;
    if (byte >= 0) {
      bytes.push(byte);
    } else {
      flush();
      result.push(token);
    }
  }
  flush();
  return result;
};

function decodeRun(bytes: readonly number[]): string[] {
  try {
    return [strictUtf8.decode(Uint8Array.from(bytes))];
  } catch {
    return bytes.map(() => '\ufffd');
  }
}
