import { ValueError } from '@formers/backend';
import type { Tokenizer } from '@formers/tokenizers';

/** One message of a chat. */
export interface ChatMessage {
  /** Who says it, such as `system`, `user` or `assistant`. */
  readonly role: string;
  readonly content: string;
}

/** How a chat becomes a text. */
export interface ChatOptions {
  /** Which of the tokenizer's templates; default `default`. Or a template itself. */
  readonly chatTemplate?: string | undefined;
  /** JSON schemas of tools that the model may call, for templates that show them. */
  readonly tools?: readonly object[] | undefined;
  /** Texts to answer from, for templates that show them. */
  readonly documents?: readonly object[] | undefined;
  /** More variables of the template. */
  readonly templateOptions?: Readonly<Record<string, unknown>> | undefined;
  /** Whether the model goes on with the last message instead of beginning a new one; default: whether that is the assistant's. */
  readonly continueFinalMessage?: boolean | undefined;
}

/** A mark that tells where the last message ends in the rendered text. */
const END_MARK = 'CONTINUE_FINAL_MESSAGE_TAG ';

/** Whether the model goes on with the last message of a chat. */
export function continuesMessage(chat: readonly ChatMessage[], { continueFinalMessage }: ChatOptions): boolean {
  return continueFinalMessage ?? chat.at(-1)?.role === 'assistant';
}

/**
 * A chat as the text that its model was trained to go on with, by the tokenizer's template (Jinja). Special tokens are part of it.
 *
 * @throws `ValueError` where there is no template, or the template can't be rendered.
 */
export async function renderChat(
  chat: readonly ChatMessage[],
  { tokenizer, where, ...options }: ChatOptions & { tokenizer: Tokenizer; where: string },
): Promise<string> {
  const { chatTemplate = 'default', tools, documents, templateOptions } = options;
  const { config } = tokenizer;
  const template = config.chatTemplates.get(chatTemplate) ?? (chatTemplate.includes('{') ? chatTemplate : undefined);
  if (template === undefined)
    throw new ValueError(
      `${where}: tokenizer must have the chat template ${JSON.stringify(chatTemplate)} for a chat, got ${[...config.chatTemplates.keys()].join(', ') || 'none'}`,
    );
  const continues = continuesMessage(chat, options);
  const messages = chat.map((message, i) =>
    continues && i === chat.length - 1 ? { ...message, content: message.content + END_MARK } : { ...message },
  );
  const { Template } = await import('@huggingface/jinja');
  const text = rendered(() =>
    new Template(template).render({
      messages,
      tools: tools ?? null,
      documents: documents ?? null,
      add_generation_prompt: !continues,
      ...specialTokens(tokenizer),
      ...templateOptions,
    }),
  );
  return continues ? beforeMark(text, where) : text;

  function rendered(render: () => string): string {
    try {
      return render();
    } catch (error) {
      throw new ValueError(`${where}: chat must fit the chat template, got: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
}

/** What stands before the mark; without the spaces there, if the template trims messages. */
function beforeMark(text: string, where: string): string {
  const at = text.lastIndexOf(END_MARK.trim());
  if (at < 0)
    throw new ValueError(
      `${where}: continueFinalMessage must be false for a chat template that doesn't show the last message, got true`,
    );
  return text.startsWith(END_MARK, at) ? text.slice(0, at) : text.slice(0, at).trimEnd();
}

/** `bos_token` and the others that templates use. */
function specialTokens({ config }: Tokenizer): Record<string, string> {
  const { bosToken, eosToken, unkToken, sepToken, padToken, clsToken, maskToken } = config;
  const tokens = {
    bos_token: bosToken,
    eos_token: eosToken,
    unk_token: unkToken,
    sep_token: sepToken,
    pad_token: padToken,
    cls_token: clsToken,
    mask_token: maskToken,
  };
  return Object.fromEntries(
    Object.entries(tokens).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
