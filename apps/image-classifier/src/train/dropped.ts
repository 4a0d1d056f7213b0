import type { Sample, SampleClass } from './protocol.ts';

/** A file, and the folders above it as they were dropped or chosen, the outermost first. */
export interface FoundFile {
  readonly folders: readonly string[];
  readonly file: File;
}

const EXTENSION = /\.(png|jpe?g|gif|webp|bmp)$/i;

/** More files than this are not taken at once. */
export const MOST_FILES = 5000;

/** All files of a drop, those in folders too. Has to be called while the event is handled: the entries are gone afterwards. */
export function droppedFiles(data: DataTransfer): Promise<FoundFile[]> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return Promise.resolve(chosenFiles(data.files)); // what scripts drop has no entries
  return collect(entries);
}

/** The files of a folder button. */
export function chosenFiles(files: Iterable<File>): FoundFile[] {
  return Array.from(files, (file) => ({ folders: file.webkitRelativePath.split('/').slice(0, -1), file }));
}

/**
 * Images by the folder that they lie in: `pets/cat/1.jpg` and `pets/dog/2.jpg` are a cat and a dog. Images that lie in no folder, or in the outermost one beside
 * folders with images, are `loose`: they name no class. Other files are left out.
 */
export function classesOf(files: readonly FoundFile[]): { classes: SampleClass[]; loose: Sample[] } {
  const images = files.filter(({ file }) => EXTENSION.test(file.name) && !file.name.startsWith('.'));
  const deepest = images.reduce((most, { folders }) => Math.max(most, folders.length), 0);
  const byClass = new Map<string, Sample[]>();
  const loose: Sample[] = [];
  for (const { folders, file } of images.toSorted(byPath)) {
    const sample = { name: file.name, image: file };
    const label = folders.at(-1);
    if (label === undefined || (folders.length === 1 && deepest > 1)) loose.push(sample);
    else byClass.set(label, [...(byClass.get(label) ?? []), sample]);
  }
  return { classes: [...byClass].map(([label, samples]) => ({ label, samples })), loose };
}

function byPath(a: FoundFile, b: FoundFile): number {
  const [left, right] = [a, b].map(({ folders, file }) => [...folders, file.name].join('/'));
  return (left ?? '') < (right ?? '') ? -1 : 1;
}

async function collect(entries: readonly FileSystemEntry[], folders: readonly string[] = []): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  for (const entry of entries) {
    if (found.length > MOST_FILES) break;
    if (isFile(entry))
      found.push({ folders, file: await new Promise<File>((resolve, reject) => entry.file(resolve, reject)) });
    else if (isFolder(entry)) found.push(...(await collect(await childrenOf(entry), [...folders, entry.name])));
  }
  return found;
}

/** A folder gives its entries in parts. */
async function childrenOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return all;
    all.push(...part);
  }
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}
