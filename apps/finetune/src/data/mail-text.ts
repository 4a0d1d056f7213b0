/**
 * What a reader of a mail sees: its subject and its text. Other headers would give away which mailbox a mail was collected from; HTML loses its tags, a mail
 * of several parts their headers, and what is no text (attachments in base64) goes.
 */
export function mailText(mail: string): string {
  const end = mail.search(/\r?\n\r?\n/);
  const headers = (end < 0 ? mail : mail.slice(0, end)).replaceAll(/\r?\n[ \t]+/g, ' ');
  const body = end < 0 ? '' : mail.slice(end);
  const subject = /^subject:(.*)$/im.exec(headers)?.[1] ?? '';
  const boundary = /boundary="?([^";\n]+)"?/i.exec(headers)?.[1];
  const isBase64 = /^content-transfer-encoding:\s*base64/im.test(headers);
  const parts = boundary === undefined ? [isBase64 ? '' : body] : partTexts(body, boundary);
  return [subject, ...parts].map(plainText).join(' ').trim();
}

/** The texts of a mail of several parts, without attachments. */
function partTexts(body: string, boundary: string): string[] {
  return body
    .split(`--${boundary}`)
    .slice(1)
    .map((part) => {
      const end = part.search(/\r?\n\r?\n/);
      const headers = end < 0 ? part : part.slice(0, end);
      const isText = !/content-type:/i.test(headers) || /content-type:\s*(text|multipart)/i.test(headers);
      return end >= 0 && isText && !/base64/i.test(headers) ? part.slice(end) : '';
    });
}

const ENTITIES: Readonly<Record<string, string>> = { nbsp: ' ', amp: '&', lt: '<', gt: '>', quot: '"' };

/** A text without tags of HTML, and with one space where there was white space. */
function plainText(text: string): string {
  return text
    .replaceAll(/<!--[^]*?-->|<(style|script)\b[^]*?<\/\1>/gi, ' ')
    .replaceAll(/<\/?[a-z!][^<>]*>/gi, ' ')
    .replaceAll(/&(nbsp|amp|lt|gt|quot);/gi, (_, name: string) => ENTITIES[name.toLowerCase()] ?? ' ')
    .replaceAll(/[\s\u0000-\u001F\uFFFD]+/g, ' ')
    .trim();
}
