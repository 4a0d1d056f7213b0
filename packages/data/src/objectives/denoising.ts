import { ConfigError } from '@formers/backend';
import type { Tokenizer } from '@formers/tokenizers';

import type { Collator } from '../batches/collator.ts';
import type { PaddingOptions } from '../batches/pad.ts';
import { deleteTokens, infillText, type NoiseText, permuteSentences, replaceTokens, rotate } from './noise.ts';
import { type SequenceToSequenceBatch, sequenceTensors } from './sequence-to-sequence.ts';
import { ordinaryIds, specialId } from './special-tokens.ts';
import { checkTokens } from './token-example.ts';

/** Options of {@link denoising}. */
export interface DenoisingOptions extends PaddingOptions {
  tokenizer: Tokenizer;
  /** Share of the tokens in spans that become one mask token each; default 0.3. */
  infillShare?: number;
  /** Mean of the Poisson distribution of the spans' lengths; default 3. */
  meanSpanLength?: number;
  /** Put sentences in random order; default true. */
  permuteSentences?: boolean;
  /** Share of the tokens that are deleted; default 0. */
  deleteShare?: number;
  /** Share of the tokens that become any token; default 0. */
  randomShare?: number;
  /** Share of the texts that begin at a random token; default 0. */
  rotateShare?: number;
  /** What the decoder reads first; default the end token, as in BART. */
  decoderStartTokenId?: number;
}

/**
 * BART's objective: the target is the text, the input a spoilt copy of it (Lewis et al. 2019, section 2.2): sentences in random order and text infilling by
 * default, as BART was trained; deletion, random tokens and rotation as options, applied in this order: sentences, deletion, infilling, random tokens, rotation.
 *
 * Examples are tokens without special ones (`<s>` and `</s>` are put around both sides), with `sentenceStarts` where sentences should change places.
 */
export function denoising(options: DenoisingOptions): Collator<NoiseText, SequenceToSequenceBatch> {
  const { tokenizer, decoderStartTokenId, padToMultipleOf, padToLength, ...rest } = options;
  const where = 'denoising';
  const settings = {
    infillShare: 0.3,
    meanSpanLength: 3,
    permuteSentences: true,
    deleteShare: 0,
    randomShare: 0,
    rotateShare: 0,
    ...rest,
  };
  const { infillShare, meanSpanLength, deleteShare, randomShare, rotateShare } = settings;
  for (const [name, value] of Object.entries({ infillShare, deleteShare, randomShare, rotateShare }))
    if (!(value >= 0 && value <= 1)) throw new ConfigError(`${where}: ${name} must be a share in [0, 1], got ${value}`);
  if (!(meanSpanLength > 0)) throw new ConfigError(`${where}: meanSpanLength must be above 0, got ${meanSpanLength}`);
  const [bosId, eosId, padId, maskId] = (['bos', 'eos', 'pad', 'mask'] as const).map((role) =>
    specialId(tokenizer, { role, where }),
  ) as [number, number, number, number];
  const ordinary = ordinaryIds(tokenizer);
  const startId = decoderStartTokenId ?? eosId;
  const padding = {
    ...(padToMultipleOf !== undefined && { padToMultipleOf }),
    ...(padToLength !== undefined && { padToLength }),
  };
  const around = (ids: Int32Array): Int32Array => {
    const whole = new Int32Array(ids.length + 2).fill(eosId);
    whole[0] = bosId;
    whole.set(ids, 1);
    return whole;
  };
  return {
    identity: `denoising ${JSON.stringify({ ...settings, bosId, eosId, padId, maskId, startId, ...padding })}`,
    collate(examples, draws) {
      checkTokens(
        examples.map(({ ids }) => ids),
        { tokenizer, where },
      );
      const rows = examples.map((example, row) => {
        const random = draws.stream('denoising', row);
        let ids = settings.permuteSentences ? permuteSentences(example, random) : example.ids;
        ids = deleteTokens(ids, { share: deleteShare, random });
        ids = infillText(ids, { share: infillShare, meanSpanLength, maskId, random });
        ids = replaceTokens(ids, { share: randomShare, ordinary, keep: maskId, random });
        if (random.uniform() < rotateShare) ids = rotate(ids, random);
        return { ids: around(ids), targets: around(example.ids) };
      });
      return sequenceTensors(rows, { padId, startId, step: draws.step, ...padding });
    },
  };
}
