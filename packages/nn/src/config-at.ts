import { ConfigError } from '@formers/backend';

/** Reads a config.json; what is wrong in it is told with the place of the file. */
export function configAt<Config>(location: string, parse: () => Config): Config {
  try {
    return parse();
  } catch (cause) {
    if (!ConfigError.isInstance(cause)) throw cause;
    throw new ConfigError(`${location}: config.json: ${cause.message}`, { cause });
  }
}
