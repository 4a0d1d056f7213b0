/** What TypeScript's DOM library lacks. */

/** The address of a script that Vite builds as a worker. */
declare module '*?worker&url' {
  const url: string;
  // oxlint-disable-next-line import/no-default-export -- as Vite has it
  export default url;
}

/** A string that a policy has let through, where scripts start; see https://w3c.github.io/trusted-types. */
type TrustedScriptURL = string;

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): { createScriptURL(url: string): TrustedScriptURL };
}

/** Missing in browsers without Trusted Types. */
declare var trustedTypes: TrustedTypes | undefined;
