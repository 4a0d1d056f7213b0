/**
 * Each `model_type` of Hugging Face (5.23) whose plain rotary positions turn the whole head, whatever `partial_rotary_factor` says: those of language models whose
 * `compute_default_rope_parameters` doesn't read it. With any scaling they read it.
 */
export const WHOLE_HEAD_TYPES: ReadonlySet<string> = new Set(
  `
  afmoe apertus arcee bitnet cohere cohere2 cwm diffllama doge dots1 ernie4_5 ernie4_5_moe eurobert exaone4 falcon flex_olmo gemma gemma2
  gemma3_text gemma3n_text gpt_oss granite granitemoe granitemoeshared helium hunyuan_v1_dense hunyuan_v1_moe jetmoe lfm2 lfm2_moe llama
  llama4_text ministral ministral3 mistral mixtral mllama_text_model modernbert modernbert-decoder nanochat nomic_bert olmo olmo2 olmo3
  olmoe phimoe qwen2 qwen2_moe qwen3 qwen3_moe seed_oss smollm3 starcoder2 vaultgemma
  `
    .trim()
    .split(/\s+/),
);
