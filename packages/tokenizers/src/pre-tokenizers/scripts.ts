import type { AlignedText } from '../text/aligned-text.ts';
import { forEachCharacter } from '../normalizers/edits.ts';
import { addedToScripts, inRanges } from '../text/unicode-versions.ts';

const names =
  'Common Latin Greek Cyrillic Armenian Hebrew Arabic Syriac Thaana Devanagari Bengali Gurmukhi Gujarati Oriya Tamil ' +
  'Telugu Kannada Malayalam Sinhala Thai Lao Tibetan Myanmar Georgian Hangul Ethiopic Cherokee Canadian_Aboriginal Ogham ' +
  'Runic Khmer Mongolian Hiragana Katakana Bopomofo Han Yi Old_Italic Gothic Deseret Inherited Tagalog Hanunoo Buhid ' +
  'Tagbanwa Limbu Tai_Le Linear_B Ugaritic Shavian Osmanya Cypriot Braille Buginese Coptic New_Tai_Lue Glagolitic ' +
  'Tifinagh Syloti_Nagri Old_Persian Kharoshthi Balinese Cuneiform Phoenician Phags_Pa Nko Sundanese Lepcha Ol_Chiki Vai ' +
  'Saurashtra Kayah_Li Rejang Lycian Carian Lydian Cham Tai_Tham Tai_Viet Avestan Egyptian_Hieroglyphs Samaritan Lisu ' +
  'Bamum Javanese Meetei_Mayek Imperial_Aramaic Old_South_Arabian Inscriptional_Parthian Inscriptional_Pahlavi Old_Turkic ' +
  'Kaithi Batak Brahmi Mandaic Chakma Meroitic_Cursive Meroitic_Hieroglyphs Miao Sharada Sora_Sompeng Takri ' +
  'Caucasian_Albanian Bassa_Vah Duployan Elbasan Grantha Pahawh_Hmong Khojki Linear_A Mahajani Manichaean Mende_Kikakui ' +
  'Modi Mro Old_North_Arabian Nabataean Palmyrene Pau_Cin_Hau Old_Permic Psalter_Pahlavi Siddham Khudawadi Tirhuta ' +
  'Warang_Citi Ahom Anatolian_Hieroglyphs Hatran Multani Old_Hungarian SignWriting Adlam Bhaiksuki Marchen Newa Osage ' +
  'Tangut';
const patterns = names.split(' ').map((name) => [name, new RegExp(`\\p{Script=${name}}`, 'u')] as const);

/** Scripts that changed since the tables of tokenizers 0.23 were made. */
const changed: ReadonlyMap<number, string> = new Map([
  [0x589, 'Common'],
  [0x61c, 'Common'],
  [0x953, 'Devanagari'],
  [0x954, 'Devanagari'],
]);

const known = new Map<number, string>();

/** Splits where the script changes; spaces and unknown characters go with what is before them (at the begin, they vanish). */
export function splitAtScripts(text: AlignedText): AlignedText[] {
  const bounds: number[] = [];
  let last: string | undefined;
  forEachCharacter(text.text, (_, codePoint, start) => {
    const script = scriptOf(codePoint);
    if (script === 'Any') return;
    if (script !== last) bounds.push(start);
    last = script;
  });
  bounds.push(text.text.length);
  return bounds.slice(1).map((end, index) => text.slice(bounds[index] ?? 0, end));
}

/** The script that decides; Japanese ones count as one. */
function scriptOf(codePoint: number): string {
  if (codePoint === 0x20) return 'Any';
  if (codePoint === 0x30fc) return 'Han';
  let script = known.get(codePoint);
  if (script === undefined) known.set(codePoint, (script = findScript(codePoint)));
  return script === 'Hiragana' || script === 'Katakana' ? 'Han' : script;
}

function findScript(codePoint: number): string {
  if (inRanges(addedToScripts, codePoint)) return 'Any';
  const char = String.fromCodePoint(codePoint);
  return changed.get(codePoint) ?? patterns.find(([, pattern]) => pattern.test(char))?.[0] ?? 'Any';
}
