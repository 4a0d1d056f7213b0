import { parseSync } from 'oxc-parser';

/**
 * Asks a server for a page and for everything that its modules name: static and literal dynamic imports, and
 * `new URL('...', import.meta.url)` (workers, WASM). Says which answers are missing or are the page itself instead of a file.
 */
export async function crawl(page: string): Promise<string[]> {
  const breaches: string[] = [];
  const found = new Set<string>([page]);
  for (const url of found) {
    const response = await fetch(url);
    const type = response.headers.get('content-type') ?? '';
    const body = await response.text();
    const isFallback = url !== page && type.includes('html');
    if (!response.ok || isFallback) {
      breaches.push(`${url} answers ${isFallback ? 'with the page, not with the file' : response.status}`);
      continue;
    }
    const named = type.includes('html') ? scriptsOf(body) : type.includes('javascript') ? modulesOf(url, body) : [];
    for (const address of named) {
      const next = new URL(address, url);
      if (next.origin === new URL(page).origin && !next.pathname.startsWith('/@vite/')) found.add(next.href);
    }
  }
  if (found.size < 2) breaches.push(`${page} led to ${found.size} files only`);
  return breaches;
}

function scriptsOf(html: string): string[] {
  return [...html.matchAll(/<script[^>]* src="([^"]+)"/g)].flatMap(([, address]) => address ?? []);
}

function modulesOf(url: string, code: string): string[] {
  const { staticImports, staticExports, dynamicImports } = parseSync(new URL(url).pathname, code, {
    lang: 'js',
  }).module;
  const literals = dynamicImports.map(({ moduleRequest: { start, end } }) => code.slice(start, end));
  const addresses = [
    ...code.matchAll(/new URL\(\s*(?:\/\*.*?\*\/)?\s*(["'`][^"'`]+["'`])\s*,\s*(?:''\s*\+\s*)?import\.meta\.url/g),
  ];
  return [
    ...staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...staticExports.flatMap(({ entries }) => entries.flatMap(({ moduleRequest }) => moduleRequest?.value ?? [])),
    ...[...literals, ...addresses.map(([, literal]) => literal ?? '')].flatMap(
      (literal) => /^(["'`])([./].*)\1$/.exec(literal)?.[2] ?? [],
    ),
  ];
}
