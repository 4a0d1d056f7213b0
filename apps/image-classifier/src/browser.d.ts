/** What TypeScript's DOM library lacks. */

/** The address of a script that Vite builds as a worker. */
declare module '*?worker&url' {
  const url: string;
  export default url;
}

/** Whether the page was built, and is not served from its sources; see vite.config.ts. */
declare const IS_BUILT: boolean;

/** A string that a policy has let through, where scripts start; see https://w3c.github.io/trusted-types. */
type TrustedScriptURL = string;

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): { createScriptURL(url: string): TrustedScriptURL };
}

interface Window {
  /** Missing in browsers without Trusted Types. */
  readonly trustedTypes?: TrustedTypes;
}

/** Events of service workers. */
interface ExtendableEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}

interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
