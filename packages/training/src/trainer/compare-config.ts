import type { JsonLike } from '@formers/checkpoints';

/** Where two JSON values differ, as `path was 65, is 96`; nothing when they are equal. */
export function configDifferences(saved: JsonLike | undefined, own: JsonLike | undefined, path = ''): string[] {
  if (isRecord(saved) && isRecord(own)) {
    const keys = [...new Set([...Object.keys(saved), ...Object.keys(own)])].sort();
    return keys.flatMap((key) => configDifferences(saved[key], own[key], path === '' ? key : `${path}.${key}`));
  }
  const [was, is] = [saved, own].map((value) => (value === undefined ? 'absent' : JSON.stringify(value)));
  return was === is ? [] : [`${path} was ${was}, is ${is}`];
}

function isRecord(value: JsonLike | undefined): value is { readonly [key: string]: JsonLike | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
