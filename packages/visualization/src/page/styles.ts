const sheets = new Map<string, CSSStyleSheet>();

/**
 * Adds a component's styles to the document or shadow tree that its host is in, once. They are constructed by script, which a strict
 * Content-Security-Policy lets pass, and stand behind the page's own ones only in order: a page that wants another look sets the variables.
 */
export function adoptStyles(host: Element, text: string): void {
  const root = host.getRootNode();
  const owner = root instanceof ShadowRoot ? root : host.ownerDocument;
  let sheet = sheets.get(text);
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    sheets.set(text, sheet);
  }
  if (!owner.adoptedStyleSheets.includes(sheet)) owner.adoptedStyleSheets = [...owner.adoptedStyleSheets, sheet];
}
