"""Asks the tokenizers library about every code point, and writes ranges of what it says: python unicode-classes.py OUTPUT.json"""
import json
import sys

from tokenizers import Regex, normalizers, pre_tokenizers

CODE_POINTS = [code for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]
ALL = "".join(map(chr, CODE_POINTS))


def removed_by(normalizer):
    kept = set(normalizer.normalize_str(ALL))
    return [code for code in CODE_POINTS if chr(code) not in kept]


def dropped_in_the_middle(normalizer):
    return [code for code in CODE_POINTS if normalizer.normalize_str(f"a{chr(code)}b") == "ab"]


def splits(pre_tokenizer, parts):
    return [code for code in CODE_POINTS if len(pre_tokenizer.pre_tokenize_str("a" + chr(code))) == parts]


def ranges(codes):
    found = []
    for code in codes:
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found


classes = {f"regex {name}": removed_by(normalizers.Replace(Regex(name), "")) for name in [r"\p{L}", r"\p{N}", r"\s", r"\p{P}", r"\p{S}", r"\p{M}", r"\w", r"\p{Cn}"]}
classes["punctuation"] = splits(pre_tokenizers.Punctuation(), 2)
classes["numeric"] = splits(pre_tokenizers.Digits(True), 2)
classes["word"] = [code for code in CODE_POINTS if [part for part, _ in pre_tokenizers.Whitespace().pre_tokenize_str("a" + chr(code))] == ["a" + chr(code)]]
classes["control"] = dropped_in_the_middle(normalizers.BertNormalizer(True, False, False, False))
classes["nonspacing"] = dropped_in_the_middle(normalizers.BertNormalizer(False, False, True, False))
classes["marks"] = dropped_in_the_middle(normalizers.StripAccents())
result = {name: ranges(codes) for name, codes in classes.items()}
for form in ["NFD", "NFC", "NFKD", "NFKC"]:
    normalizer = getattr(normalizers, form)()
    result[form] = {code: normalizer.normalize_str(chr(code)) for code in CODE_POINTS if normalizer.normalize_str(chr(code)) != chr(code)}
with open(sys.argv[1], "w", encoding="utf8") as file:
    json.dump(result, file, ensure_ascii=False)
