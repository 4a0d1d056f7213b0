import { Fields } from './fields.ts';

const roles = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'] as const;
type Role = (typeof roles)[number];

/** What tokenizer_config.json says; keys that are not known here are kept for saving. */
export class TokenizerConfig {
  readonly #json: object;
  readonly #tokens = new Map<Role, string>();
  /** The most tokens that the model takes, if the file says so. */
  readonly modelMaxLength: number | undefined;
  readonly cleanUpTokenizationSpaces: boolean;
  /** Jinja templates of chats by name, for pipelines; the usual one is `default`. */
  readonly chatTemplates: ReadonlyMap<string, string>;

  constructor(json: unknown) {
    const fields = new Fields(json, 'tokenizer_config.json');
    this.#json = Object(json);
    for (const role of roles) {
      const value = fields.get(role);
      if (typeof value === 'string') this.#tokens.set(role, value);
      else if (fields.has(role)) this.#tokens.set(role, fields.object(role).string('content'));
    }
    const length = fields.get('model_max_length');
    this.modelMaxLength = typeof length === 'number' && length > 0 && length < 1e9 ? Math.floor(length) : undefined; // 1e30 stands for "no limit"
    this.cleanUpTokenizationSpaces = fields.get('clean_up_tokenization_spaces') === true;
    this.chatTemplates = readChatTemplates(fields);
  }

  /** The Jinja template that makes a chat one text, if the files have one. */
  get chatTemplate(): string | undefined {
    return this.chatTemplates.get('default');
  }

  get bosToken(): string | undefined {
    return this.#tokens.get('bos_token');
  }

  get eosToken(): string | undefined {
    return this.#tokens.get('eos_token');
  }

  get unkToken(): string | undefined {
    return this.#tokens.get('unk_token');
  }

  get sepToken(): string | undefined {
    return this.#tokens.get('sep_token');
  }

  get padToken(): string | undefined {
    return this.#tokens.get('pad_token');
  }

  get clsToken(): string | undefined {
    return this.#tokens.get('cls_token');
  }

  get maskToken(): string | undefined {
    return this.#tokens.get('mask_token');
  }

  /** The object that tokenizer_config.json holds, with a class that Python's AutoTokenizer opens for any tokenizer.json. */
  toJson(): object {
    return { tokenizer_class: 'PreTrainedTokenizerFast', clean_up_tokenization_spaces: false, ...this.#json };
  }
}

/** `chat_template`: one template, or a list of `{ name, template }`. */
function readChatTemplates(fields: Fields): Map<string, string> {
  if (!fields.has('chat_template')) return new Map();
  if (typeof fields.get('chat_template') === 'string') return new Map([['default', fields.string('chat_template')]]);
  return new Map(fields.objects('chat_template').map((entry) => [entry.string('name'), entry.string('template')]));
}
