import type { FolderLocation, OpenFolderOptions } from '@formers/checkpoints';
import type { Tokenizer } from '@formers/tokenizers';

/** Opens the tokenizer of a folder. */
export const AutoTokenizer: {
  /** Reads tokenizer.json and what lies beside it. @throws a `CheckpointError` where there is none, a `TokenizerError` for one that is malformed. */
  fromPretrained(location: FolderLocation, options?: OpenFolderOptions): Promise<Tokenizer>;
} = {
  fromPretrained: async (location, options) =>
    (await import('@formers/tokenizers')).Tokenizer.fromPretrained(location, options),
};
