import { loadImage } from '../decode/decode-image.ts';
import { ImageError } from '../errors.ts';
import { nodeModules, type NodeModules } from '../node-modules.ts';
import type { RawImage } from '../raw-image.ts';
import { checksum, type ImageDataSet } from './image-data-set.ts';

const EXTENSION = /\.(png|jpe?g|gif|webp)$/i;

/**
 * A folder with one folder per class, as torchvision's `ImageFolder`: `pets/cat/1.png`, `pets/dog/2.jpg`. Classes and files are in order of their names. Images are
 * read when they are asked for, as `loadImage` reads them; files without an image's extension are passed over. Node only.
 */
export class ImageFolder implements ImageDataSet {
  readonly labels: readonly string[];
  readonly identity: string;
  readonly #files: readonly { path: string; label: number }[];

  private constructor(labels: readonly string[], files: readonly { path: string; label: number }[]) {
    this.labels = labels;
    this.#files = files;
    const names = files.map(({ path, label }) => `${label}/${path.split(/[\\/]/).at(-1)}`).join('\n');
    this.identity = `folder ${files.length} of ${labels.join(', ')}, ${checksum(new TextEncoder().encode(names))}`;
  }

  /**
   * Lists the images below a folder.
   *
   * @throws {@link ImageError} `missing-file`, `unreadable`, or `data-set` when there are no classes or one has no images.
   */
  static async open(folder: string): Promise<ImageFolder> {
    const node = nodeModules();
    if (!node) throw new ImageError('unsupported', `ImageFolder.open: a browser has no folder ${folder}`);
    const labels = await list(folder, { node, keep: (entry) => entry.isDirectory() && !entry.name.startsWith('.') });
    const files: { path: string; label: number }[] = [];
    for (const [label, name] of labels.entries()) {
      const path = node.path.join(folder, name);
      const images = await list(path, { node, keep: (entry) => !entry.isDirectory() && EXTENSION.test(entry.name) });
      if (images.length === 0) throw new ImageError('data-set', `ImageFolder.open: no images in ${path}`);
      files.push(...images.map((image) => ({ path: node.path.join(path, image), label })));
    }
    if (labels.length > 0) return new ImageFolder(labels, files);
    throw new ImageError('data-set', `ImageFolder.open: wanted a folder per class in ${folder}, got none`);
  }

  get length(): number {
    return this.#files.length;
  }

  label(index: number): number {
    return this.#file(index).label;
  }

  image(index: number): Promise<RawImage> {
    return loadImage(this.#file(index).path);
  }

  /** Where an image lies. */
  path(index: number): string {
    return this.#file(index).path;
  }

  #file(index: number): { path: string; label: number } {
    const file = this.#files[index];
    if (file) return file;
    throw new ImageError('data-set', `ImageFolder: index must be below ${this.length}, got ${index}`);
  }
}

/** Names of the entries to keep, in order of their code units. */
async function list(
  folder: string,
  { node, keep }: { node: NodeModules; keep: (entry: { name: string; isDirectory(): boolean }) => boolean },
): Promise<string[]> {
  try {
    const entries = await node.fs.readdir(folder, { withFileTypes: true });
    return entries
      .filter(keep)
      .map(({ name }) => name)
      .sort();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    const isMissing = code === 'ENOENT';
    const why = code === 'ENOTDIR' ? 'it is a file' : cause instanceof Error ? cause.message : String(cause);
    const text = isMissing ? `no folder ${folder}` : `${folder} can't be read as a folder: ${why}`;
    throw new ImageError(isMissing ? 'missing-file' : 'unreadable', `ImageFolder.open: ${text}`, { cause });
  }
}
