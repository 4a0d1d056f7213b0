import { ImageError } from '../errors.ts';
import { nodeModules } from '../node-modules.ts';
import { checkBytes } from './image-header.ts';

/** An image file: its bytes, a Blob or File, or in Node its path. */
export type ImageSource = Uint8Array | ArrayBuffer | Blob | string;

/** The bytes of an image file, whose length is checked before they are read. */
export async function readSource(source: ImageSource): Promise<Uint8Array> {
  if (typeof source === 'string') return readFile(source);
  if (source instanceof Blob) {
    checkBytes(source.size);
    return new Uint8Array(await source.arrayBuffer());
  }
  return source instanceof Uint8Array ? source : new Uint8Array(source);
}

async function readFile(path: string): Promise<Uint8Array> {
  const node = nodeModules();
  if (!node)
    throw new ImageError('unsupported', `decodeImage: a browser has no file ${path}; give its bytes or a Blob`);
  try {
    const stats = await node.fs.stat(path);
    if (!stats.isFile()) throw new ImageError('unreadable', `decodeImage: ${path} is no file`);
    checkBytes(stats.size);
    return await node.fs.readFile(path);
  } catch (cause) {
    if (ImageError.isInstance(cause)) throw cause;
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    throw new ImageError(
      isMissing ? 'missing-file' : 'unreadable',
      isMissing ? `decodeImage: no file ${path}` : `decodeImage: ${path}: ${String(cause)}`,
      { cause },
    );
  }
}
