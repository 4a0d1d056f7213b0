/**
 * GPT-2's printable stand-ins for bytes: visible Latin-1 characters stand for themselves, the other 68 bytes for U+0100 and up.
 * Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), `bytes_to_unicode` of the published encoder.
 */
const charOfByte: readonly string[] = makeTable();
const byteOfChar: ReadonlyMap<string, number> = new Map(charOfByte.map((char, byte) => [char, byte]));
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The 256 stand-ins, by byte. */
export const byteLevelAlphabet: readonly string[] = charOfByte;

/** The stand-in of the space. */
export const byteLevelSpace = 'Ġ';

/** Text as stand-ins of its UTF-8 bytes. */
export function toByteLevel(text: string): string {
  let result = '';
  for (const byte of encoder.encode(text)) result += charOfByte[byte];
  return result;
}

/** The bytes of a token of stand-ins; a token with any other character is taken as plain text. */
export function fromByteLevel(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let index = 0; index < token.length; index++) {
    const byte = byteOfChar.get(token.charAt(index));
    if (byte === undefined) return encoder.encode(token);
    bytes[index] = byte;
  }
  return bytes;
}

/** Decodes UTF-8; each maximal broken sequence becomes U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

function makeTable(): string[] {
  const table: string[] = [];
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const visible = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    table.push(String.fromCharCode(visible ? byte : next++));
  }
  return table;
}
