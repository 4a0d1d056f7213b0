/** Two lines, each in a text once. */
export interface Markers {
  readonly start: string;
  readonly end: string;
}

/** Between these lines is what the bench writes. */
export const MARKERS: Markers = { start: '<!-- bench:start -->', end: '<!-- bench:end -->' };

/** Between these, what it writes of the GPU. */
export const GPU_MARKERS: Markers = { start: '<!-- bench:gpu:start -->', end: '<!-- bench:gpu:end -->' };

/** The text with what is between the markers replaced. @throws when they are not there, once each and in order. */
export function replaceBetweenMarkers(text: string, content: string, { start, end }: Markers = MARKERS): string {
  const [before, rest, ...more] = text.split(start);
  const [old, after, ...evenMore] = (rest ?? '').split(end);
  if (rest === undefined || after === undefined || old === undefined || more.length > 0 || evenMore.length > 0)
    throw new Error(`README: ${start} and ${end} must be there once each, in this order`);
  return `${before}${start}\n\n${content}\n\n${end}${after}`;
}
