import { CheckpointError, quoted } from '../errors.ts';
import { checkFileName } from './file-names.ts';

/** How one read is done. */
export interface ReadOptions {
  /** Stops the read, which then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Refuses larger files, with code `too-large`, before reading. */
  readonly maxBytes?: number | undefined;
}

/** How far the reading of a file is. Ranges count once, as they arrive. */
export interface FileProgress {
  readonly file: string;
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

/**
 * A place where files lie: a folder on disk, below a URL, on the hub, or in memory; see {@link openFolder}. Names are plain file names;
 * others throw with code `path`. A file that is not there throws with `missing-file`, and one that was replaced since `size` with `changed`.
 */
export interface FolderSource {
  /** Where it is, for messages. */
  readonly location: string;
  has(name: string, options?: ReadOptions): Promise<boolean>;
  /** Size in bytes. Ranges that are read afterwards belong to the file as it was now. */
  size(name: string, options?: ReadOptions): Promise<number>;
  read(name: string, options?: ReadOptions): Promise<Uint8Array>;
  /** The bytes from `begin` up to, not including, `end`; exactly these, or it throws. */
  readRange(name: string, begin: number, end: number, options?: ReadOptions): Promise<Uint8Array>;
  /** Names of the files, where the place can tell. */
  list?(): Promise<string[]>;
}

/** One file as a kind of folder finds it, of a fixed version. */
export interface FoundFile {
  readonly size: number;
  /** Reads exactly these bytes; `onBytes` hears how many arrive (less than 0 when some must come again). */
  read(
    begin: number,
    end: number,
    options: { signal: AbortSignal | undefined; onBytes: (count: number) => void },
  ): Promise<Uint8Array>;
}

/** What differs between kinds of folders. `find` is only called with allowed names. */
export interface FolderKind {
  readonly location: string;
  find(name: string, options: { signal: AbortSignal | undefined }): Promise<FoundFile | undefined>;
  list?(): Promise<string[]>;
}

/** A folder source out of a {@link FolderKind}: checks names, ranges and limits, reports progress, and listens to the signal. */
export function folderSource(
  kind: FolderKind,
  {
    signal: folderSignal,
    onProgress,
  }: { signal?: AbortSignal | undefined; onProgress?: ((progress: FileProgress) => void) | undefined } = {},
): FolderSource {
  const found = new Map<string, FoundFile>();
  const loaded = new Map<string, number>();

  const signalOf = (options: ReadOptions): AbortSignal | undefined => {
    const signals = [folderSignal, options.signal].filter((signal) => signal !== undefined);
    const signal = signals.length > 1 ? AbortSignal.any(signals) : signals[0];
    signal?.throwIfAborted();
    return signal;
  };

  const look = async (name: string, options: ReadOptions): Promise<FoundFile | undefined> => {
    checkFileName(name);
    const file = await kind.find(name, { signal: signalOf(options) });
    if (file) found.set(name, file);
    else found.delete(name);
    return file;
  };

  const lookOrThrow = async (name: string, options: ReadOptions): Promise<FoundFile> => {
    const file = await look(name, options);
    if (!file) throw new CheckpointError('missing-file', `${kind.location}: has no file ${quoted(name)}`);
    return file;
  };

  const readFrom = async (
    file: FoundFile,
    { name, begin, end }: { name: string; begin: number; end: number },
    options: ReadOptions,
  ) => {
    const onBytes = (count: number): void => {
      const loadedBytes = Math.min((loaded.get(name) ?? 0) + count, file.size);
      loaded.set(name, loadedBytes);
      if (count > 0) onProgress?.({ file: name, loadedBytes, totalBytes: file.size });
    };
    const { maxBytes = Infinity } = options;
    if (end - begin > maxBytes)
      throw new CheckpointError(
        'too-large',
        `${kind.location}: ${name} must have at most ${maxBytes} bytes, got ${end - begin}`,
      );
    return file.read(begin, end, { signal: signalOf(options), onBytes });
  };

  const list = kind.list?.bind(kind);
  return {
    location: kind.location,
    has: async (name, options = {}) => (await look(name, options)) !== undefined,
    size: async (name, options = {}) => (await lookOrThrow(name, options)).size,
    read: async (name, options = {}) => {
      const file = await lookOrThrow(name, options);
      return readFrom(file, { name, begin: 0, end: file.size }, options);
    },
    readRange: async (name, begin, end, options = {}) => {
      checkFileName(name);
      const file = found.get(name) ?? (await lookOrThrow(name, options));
      if (!Number.isSafeInteger(begin) || !Number.isSafeInteger(end) || begin < 0 || end < begin || end > file.size) {
        throw new CheckpointError(
          'range',
          `${kind.location}: range of ${name} must lie within its ${file.size} bytes, got ${begin} to ${end}`,
        );
      }
      return readFrom(file, { name, begin, end }, options);
    },
    ...(list && { list }),
  };
}
