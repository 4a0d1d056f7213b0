import { ConfigError } from '@formers/backend';
import type { JsonObject, JsonValue } from '@formers/checkpoints';

/** Names beyond this aren't made up for a file that has a number alone. */
const MOST_LABELS = 2 ** 20;

/** The names that classes have where nobody gave them any: `LABEL_0`, `LABEL_1`, ... */
export function defaultLabels(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `LABEL_${i}`);
}

/** The names of the classes by their ids, which have to be 0, 1, 2, ... @throws {@link ConfigError} for ids that aren't. */
export function labelsFromHuggingFace({ id2label, num_labels: numLabels }: JsonObject): string[] {
  if (typeof id2label !== 'object' || id2label === null || Array.isArray(id2label)) {
    if (typeof numLabels === 'number' && numLabels > MOST_LABELS)
      throw new ConfigError(`config.json: num_labels must be up to ${MOST_LABELS}, got ${numLabels}`);
    return defaultLabels(typeof numLabels === 'number' ? numLabels : 2);
  }
  const byId = new Map<string, JsonValue>(Object.entries(id2label));
  return Array.from(byId, (_, i) => {
    const label = byId.get(String(i));
    if (typeof label !== 'string')
      throw new ConfigError(`config.json: id2label must name the ids 0 to ${byId.size - 1}, got none for ${i}`);
    return label;
  });
}

/** `id2label` and `label2id` as Hugging Face's configs have them; nothing for the two nameless classes that every config has. */
export function labelsToHuggingFace(labels: readonly string[]): JsonObject {
  if (labels.join() === 'LABEL_0,LABEL_1') return {};
  return {
    id2label: Object.fromEntries(labels.map((label, i) => [i, label])),
    label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
  };
}
