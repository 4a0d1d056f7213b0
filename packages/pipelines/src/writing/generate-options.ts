/** The options of a call without those of the pipeline itself, which `generate` doesn't know. */
export function generateOptions<Options extends object, Own extends keyof Options & string>(
  options: Options,
  own: readonly Own[],
): Omit<Options, Own> {
  const names: readonly string[] = own;
  return Object.fromEntries(Object.entries(options).filter(([name]) => !names.includes(name))) as Omit<Options, Own>;
}
