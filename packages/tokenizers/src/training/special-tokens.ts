/** Names of special tokens by the part they play; they go into tokenizer_config.json. */
export interface SpecialTokenRoles {
  readonly bosToken?: string;
  readonly eosToken?: string;
  readonly unkToken?: string;
  readonly sepToken?: string;
  readonly padToken?: string;
  readonly clsToken?: string;
  readonly maskToken?: string;
}

/** tokenizer_config.json for these roles. */
export function configOf(roles: SpecialTokenRoles, modelMaxLength?: number): object {
  const names = {
    bos_token: roles.bosToken,
    eos_token: roles.eosToken,
    unk_token: roles.unkToken,
    sep_token: roles.sepToken,
    pad_token: roles.padToken,
    cls_token: roles.clsToken,
    mask_token: roles.maskToken,
    model_max_length: modelMaxLength,
  };
  return Object.fromEntries(Object.entries(names).filter(([, value]) => value !== undefined));
}

/** The `added_tokens` section for special tokens. */
export function addedTokensOf(tokens: Iterable<string>, idOf: (token: string) => number): object[] {
  const added = [...new Set(tokens)].map((content) => ({
    id: idOf(content),
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  return added.sort((a, b) => a.id - b.id);
}
