import { describe, expect, it } from 'vitest';

import { sentences } from '../src/data/brown.ts';
import { columnsOf, languagesOf } from '../src/data/load-rows.ts';
import { mailText } from '../src/data/mail-text.ts';
import { universalTag } from '../src/data/universal-tags.ts';

describe('mailText', () => {
  it('keeps subject and text, and no other header', () => {
    const mail = 'From: a@b.c\nSubject: Hello\n there\nDelivered-To: zzzz\n\nFirst line.\nSecond\tline.\n';
    expect(mailText(mail)).toBe('Hello there First line. Second line.');
  });

  it('drops tags, scripts and comments of HTML', () => {
    const mail =
      'Subject: Sale\nContent-Type: text/html\n\n<html><style>p{}</style><!-- no --><p>50&nbsp;% &lt; <b>all</b></p></html>';
    expect(mailText(mail)).toBe('Sale 50 % < all');
  });

  it('reads the texts of several parts, and drops attachments', () => {
    const mail = [
      'Subject: Parts',
      'Content-Type: multipart/mixed; boundary="xx"',
      '',
      'This is a multi-part message.',
      '--xx',
      'Content-Type: text/plain',
      '',
      'Read me.',
      '--xx',
      'Content-Type: image/png',
      'Content-Transfer-Encoding: base64',
      '',
      'iVBORw0KGgo=',
      '--xx--',
    ].join('\n');
    expect(mailText(mail)).toBe('Parts Read me.');
  });
});

describe('the Brown corpus', () => {
  it.each([
    ['nn-tl', 'NOUN'],
    ['np$', 'NOUN'],
    ['pp$', 'DET'],
    ['pp$$', 'PRON'],
    ['bez*', 'VERB'],
    ['pps+bez', 'PRON'],
    ['fw-in+nn', 'ADP'],
    ['to', 'PRT'],
    ['od', 'ADJ'],
    ['cd', 'NUM'],
    ['.', '.'],
    ['--', '.'],
    ["''", '.'],
    ['*', '.'],
    ['nil', 'X'],
  ])('%s is %s', (tag, part) => expect(universalTag(tag)).toBe(part));

  it('cuts at the last slash of each word, and names the line', () => {
    const [row] = sentences('\n\tThe/at 1/2-mile/jj run/nn ./.\n', 'brown, ca01');
    expect(row?.values).toEqual({
      tokens: ['The', '1/2-mile', 'run', '.'],
      tags: ['DET', 'ADJ', 'NOUN', '.'],
    });
    expect(row?.where).toBe('brown, ca01, line 2');
  });
});

describe('options', () => {
  it('reads languages and columns', () => {
    expect(languagesOf({ languages: 'en-de' })).toEqual({ source: 'en', target: 'de' });
    expect(() => languagesOf({ languages: 'en' })).toThrow('--languages must be two');
    expect(columnsOf({ columns: 'text=review, label=stars' }, ['text', 'label'])).toEqual({
      columns: { text: 'review', label: 'stars' },
    });
    expect(() => columnsOf({ columns: 'words=x' }, ['text', 'label'])).toThrow('text=yours,label=yours, got "words=x"');
  });
});
