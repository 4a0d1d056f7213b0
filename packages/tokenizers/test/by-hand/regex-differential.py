"""Writes what Oniguruma (by Python's tokenizers) finds for many patterns and random texts: python regex-differential.py OUTPUT.jsonl

regex-differential.ts compares this package's matcher with it.
"""
import json
import random
import sys

import tokenizers
from tokenizers import Regex, normalizers

random.seed(7)
PATTERNS = [
    "a|ab", "(?:a|ab)(?:c|bcd)", "a+?b", "a*", "x*", "(?i:k)", "(?i:'s)", "(?i)a(?-i)b", "[^\\s\\p{L}\\p{N}]+", "\\p{^L}+", "\\P{L}+", "[a-z&&[^aeiou]]+",
    "[[:alpha:]_]+", "^b", "b$", "\\Ab|b\\z", "a.c", "(?m:a.c)", "\\bthe\\b", "(?<=a)b|(?<!a)c", "\\s+(?!\\S)|\\s+", "(?>a+)a|b", "a++a|b", "\\d{1,3}", "a{2}?", "a{,2}b",
    "x{a}", "\\x41\\u0042\\x{1F600}\\t", "\\h+", "(?#comment)a(?<name>b)", "😀+", ".", "(?:(?:a*)*)*b", "^", "$", "\\Z", "\\b", "\\B", "(a|b)*?c", "(a*)+", "(?:a?){3}b", "a{2,3}+b",
    "(?=a)", "(?!a).", "(?<=\\s)\\S+$", "[\\d\\-a]+", "[a\\]b]+", "[^a-c]+", "[\\p{Lu}\\p{Ll}]+|\\p{M}", "(?i:[a-c])+", "(?i:é|ω)+", "[[:^digit:]]+", "[[:space:]]+", "[[:upper:]]+", "[[:punct:]]",
    "\\w+|[^\\w\\s]+", "\\W+", "\\D+", "\\S+\\s*", "\\p{Han}+|\\p{Cyrillic}+|\\p{Greek}", "(?:ab|a)(?:bc)?", "(a+|b+)+c", "\\n+|\\r\\n", "^.*$", "^a|a$", "(?<!\\S)a", "a(?=b(?=c))", "(?:a|b|c){2}", "[a-]+", "[-a]+", "\\.+", "a**", "(?:)+a", "a|",
]
ALPHABET = list("aabbccxyzthe AB019_-.,'\n\r\t") + ["the", "abc", "é", "É", "ω", "Ω", "日", "ж", "😀", "\u0301", "\u00b2", "\u212a", "ſ", "  ", "bcd", "x{a}", "\u3000", "]", "ß"]
print("tokenizers", tokenizers.__version__, len(PATTERNS), "patterns")
with open(sys.argv[1], "w", encoding="utf8") as file:
    for pattern in PATTERNS:
        replace = normalizers.Replace(Regex(pattern), "⟦⟧")
        for _ in range(200):
            text = "".join(random.choice(ALPHABET) for _ in range(random.randint(1, 14)))
            file.write(json.dumps({"pattern": pattern, "text": text, "replaced": replace.normalize_str(text)}, ensure_ascii=False) + "\n")
