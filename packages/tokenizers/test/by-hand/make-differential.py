"""Encodes random strings with Python's tokenizers library, for differential.ts to compare.

Usage: python make-differential.py TOKENIZERS_FOLDER OUTPUT_FOLDER STRINGS_PER_TOKENIZER [SEED]
TOKENIZERS_FOLDER holds one folder with a tokenizer.json per tokenizer.
"""
import json
import pathlib
import random
import sys

import tokenizers

source, target, count = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
random.seed(int(sys.argv[4]) if len(sys.argv) > 4 else 1)

BLOCKS = [(0x20, 0x7E)] * 6 + [
    (0x00, 0x1F), (0x7F, 0xFF), (0x100, 0x24F), (0x2B0, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x700, 0x8FF), (0x900, 0xDFF), (0xE00, 0x11FF),
    (0x1200, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x2BFF), (0x2C00, 0x2FFF), (0x3000, 0x30FF), (0x3100, 0x9FFF), (0xA000, 0xD7FF), (0xE000, 0xF8FF),
    (0xF900, 0xFFFF), (0x10000, 0x1FFFF), (0x20000, 0x33FFF), (0xE0000, 0xE01EF), (0x1F300, 0x1FAFF), (0x1E000, 0x1E95F), (0x11000, 0x11FFF),
]
MARKS = [0x300, 0x301, 0x308, 0x327, 0x323, 0x345, 0x5B0, 0x64B, 0x93C, 0x9BE, 0x1DC0, 0x20D0, 0x3099, 0xFE0F, 0x200D, 0x1F3FB, 0x1F1E6, 0xAC00, 0x1100, 0x1161, 0x11A8]
SPACES = " \t\n\r\u00a0\u2003\u3000\u0085\u200b\ufeff\u2581"
WORDS = (pathlib.Path(__file__).parent.parent / "fixtures/corpus.txt").read_text(encoding="utf8").split()
SNIPPETS = ["'s", "'LL", "don't", "<s>", "</s>", "<mask>", "[MASK]", "[CLS]", "<|endoftext|>", "<unk>", "<0x41>", "<extra_id_0>", "##", "</w>", "\r\n", "1234567", "ﬁ", "Å", "한국어", "日本語", "👨‍👩‍👧", "é"]


def code_point():
    low, high = random.choice(BLOCKS)
    value = random.randint(low, high)
    return value if not 0xD800 <= value <= 0xDFFF else 0x41


def text():
    parts = []
    for _ in range(random.randint(1, 12)):
        kind = random.random()
        if kind < 0.35:
            parts.append(random.choice(WORDS))
        elif kind < 0.5:
            parts.append(random.choice(SPACES) * random.randint(1, 3))
        elif kind < 0.6:
            parts.append(random.choice(SNIPPETS))
        elif kind < 0.75:
            parts.append(chr(code_point()) + "".join(chr(random.choice(MARKS)) for _ in range(random.randint(1, 4))))
        else:
            parts.append("".join(chr(code_point()) for _ in range(random.randint(1, 4))))
        if random.random() < 0.4:
            parts.append(" ")
    return "".join(parts)


def describe(encoding):
    return {
        "ids": encoding.ids, "tokens": encoding.tokens, "offsets": encoding.offsets, "words": encoding.word_ids, "types": encoding.type_ids,
        "special": encoding.special_tokens_mask, "attention": encoding.attention_mask, "sequences": encoding.sequence_ids,
    }


target.mkdir(parents=True, exist_ok=True)
print("tokenizers", tokenizers.__version__)
for folder in sorted(source.iterdir()):
    if not (folder / "tokenizer.json").exists():
        continue
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    with open(target / f"{folder.name}.jsonl", "w", encoding="utf8") as file:
        for _ in range(count):
            row = {"text": text()}
            if random.random() < 0.25:
                row["pair"] = text()
            try:
                encoding = tokenizer.encode(row["text"], row.get("pair"))
            except BaseException as error:  # the reference refuses, or panics (which is no Exception)
                if isinstance(error, KeyboardInterrupt):
                    raise
                row["error"] = str(error)[:200]
            else:
                row |= describe(encoding)
                row["overflowing"] = [describe(part) for part in encoding.overflowing]
                row["decoded"] = tokenizer.decode(encoding.ids, skip_special_tokens=False)
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(folder.name, count)
