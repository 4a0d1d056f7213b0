import type { FoundFile } from './folder-source.ts';

/** A file on the hub, of one commit. */
export interface HubFile {
  readonly commit: string;
  readonly name: string;
  readonly size: number;
  /** Hash of the content: SHA-256 of large files, a git hash of small ones. */
  readonly etag: string;
}

/** Where files from the hub stay between runs. */
export interface HubCache {
  /** The commit that a branch or tag had when the hub was last reached. */
  commitOf(revision: string): Promise<string | undefined>;
  rememberCommit(revision: string, commit: string): Promise<void>;
  find(commit: string, name: string): Promise<FoundFile | undefined>;
  /** Keeps a file; `download` is only called when its content is not there yet. */
  store(file: HubFile, download: () => AsyncIterable<Uint8Array<ArrayBuffer>>): Promise<FoundFile>;
}
