import { describe, expect, it } from 'vitest';

import { GenerationError, parseGenerationConfig } from '../src/index.ts';

describe('parseGenerationConfig', () => {
  it('reads the names of Hugging Face and leaves out null and what does not matter here', () => {
    const json = {
      _from_model_config: true,
      transformers_version: '5.23.0',
      max_length: 50,
      do_sample: true,
      top_k: 0,
      top_p: null,
      eos_token_id: [1, 2],
      no_repeat_ngram_size: 3,
      sequence_bias: [[[1, 2], -3.5]],
      early_stopping: 'never',
      guidance_scale: 1,
      token_healing: false,
      watermarking_config: { greenlist_ratio: 0.5, seeding_scheme: 'selfhash' },
    };
    expect(parseGenerationConfig(json)).toEqual({
      maxLength: 50,
      doSample: true,
      topK: 0,
      eosTokenId: [1, 2],
      noRepeatNgramSize: 3,
      sequenceBias: [[[1, 2], -3.5]],
      earlyStopping: 'never',
      guidanceScale: 1,
      watermarkingConfig: { greenlistRatio: 0.5, seedingScheme: 'selfhash' },
    });
  });

  it.each<[string, unknown]>([
    ['generation_config.json: expected an object', []],
    ['generation_config.json: temperature: Invalid type: Expected number but received "hot"', { temperature: 'hot' }],
    ['generation_config.json: top_k: Invalid integer', { top_k: 1.5 }],
    ['generation_config.json: bad_words_ids.0', { bad_words_ids: [3] }],
    ['generation_config.json: penalty_alpha is not supported, got 0.6', { penalty_alpha: 0.6 }],
    ['generation_config.json: num_beam_groups is not supported, got 2', { num_beam_groups: 2 }],
    ['generation_config.json: token_healing is not supported, got true', { token_healing: true }],
    [
      'generation_config.json: watermarking_config.ngram_len', // SynthID's
      { watermarking_config: { ngram_len: 5, keys: [1, 2] } },
    ],
  ])('refuses: %s', (message, json) => {
    expect(() => parseGenerationConfig(json)).toThrow(message);
    expect(() => parseGenerationConfig(json)).toThrow(GenerationError);
  });
});
