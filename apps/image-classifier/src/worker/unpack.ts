import { Unzip, UnzipInflate } from 'fflate';

import { isModelFile } from '../model/model-files.ts';
import type { OnProgress } from './protocol.ts';

/** The most bytes that the files of a model may have, unpacked. */
const MOST_BYTES = 2 ** 31;

/** The most files that a zip may have. */
const MOST_FILES = 10_000;

/** Weights shrink to about nine tenths of their size. Beyond this many bytes, what shrank a hundredfold is a zip bomb. */
const FREE_BYTES = 2 ** 26;

/** The most that weights could ever shrink. */
const MOST_RATIO = 100;

/**
 * The files of a zip that a model could need, by their paths; others are passed over. It is unpacked piece by piece and given up as soon as it grows over the limits,
 * whatever its headers say.
 *
 * @throws Error with a message for users.
 */
export async function unpack(zip: Blob, onProgress: OnProgress): Promise<Map<string, Blob>> {
  const files = new Map<string, Blob>();
  let [read, unpacked, count] = [0, 0, 0];
  const grow = (bytes: number): void => {
    unpacked += bytes;
    const isBomb = unpacked > FREE_BYTES && unpacked > MOST_RATIO * read;
    if (unpacked > MOST_BYTES || isBomb)
      throw new Error(`the zip grows to over ${unpacked} bytes from ${read}: that is no model, and it was given up`);
  };
  const unzip = new Unzip((file) => {
    count++;
    if (count > MOST_FILES) throw new Error(`the zip has over ${MOST_FILES} files: that is no model`);
    if (!isModelFile(file.name)) return;
    const pieces: Blob[] = [];
    file.ondata = (error, piece, isLast) => {
      if (error !== null) throw error;
      grow(piece.length);
      pieces.push(new Blob([piece as Uint8Array<ArrayBuffer>]));
      if (isLast) files.set(file.name, new Blob(pieces));
    };
    file.start();
  });
  unzip.register(UnzipInflate);
  await checkZip(zip);
  try {
    for await (const piece of zip.stream()) {
      read += piece.length;
      unzip.push(piece);
      onProgress({ file: 'zip', loadedBytes: read, totalBytes: zip.size });
    }
    unzip.push(new Uint8Array(), true);
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new Error(text.includes('zip') ? text : `the zip is damaged: ${text}`, { cause });
  }
  return files;
}

async function checkZip(zip: Blob): Promise<void> {
  const [first, second] = new Uint8Array(await zip.slice(0, 2).arrayBuffer());
  if (first !== 0x50 || second !== 0x4b) throw new Error('it does not begin as a zip does');
}
