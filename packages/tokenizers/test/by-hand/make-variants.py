"""Writes tokenizer.json files with settings that the fixtures don't have: python make-variants.py FIXTURES_FOLDER OUTPUT_FOLDER"""
import copy
import json
import pathlib
import sys

fixtures, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
base = {folder.name: json.loads((folder / "tokenizer.json").read_text(encoding="utf8")) for folder in fixtures.iterdir() if (folder / "tokenizer.json").exists()}
count = 0


def write(name, json_object):
    global count
    count += 1
    folder = target / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(json_object, ensure_ascii=False), encoding="utf8")


def variant(name, of, **sections):
    made = copy.deepcopy(base[of])
    model = sections.pop("model", {})
    made.update(sections)
    made["model"].update(model)
    write(name, made)


def added(content, id, **flags):
    return {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": True, "special": False, **flags}


def sequence(kind, *parts):
    key = {"normalizer": "normalizers", "pre_tokenizer": "pretokenizers", "decoder": "decoders"}[kind]
    return {"type": "Sequence", key: list(parts)}


def regex(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": invert}


BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
PATTERNS = {
    "gpt4": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "cl100k": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
    "o200k": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "deepseek": r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "bloom": r" ?[^(\s|[.,!?…。，、।۔،])]+",
    "clip": r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
    "kimi": r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+|\p{N}{1,3}|\s+",
    "falcon": r"[0-9][0-9][0-9]",
    "backward": r"(?<=[a-z])(?=[A-Z])|(?<!\d)\d|\bthe\b",
    "lines": r"^.|.$|\A\s+|\s+\Z",
    "lazy": r"a.*?e|[[:upper:]]{2,}?|(?:th|he)+?",
    "posix": r"[[:punct:]]+|[[:alpha:]]+|[^[:space:]]",
    "word": r"\w+|\W",
    "hex": r"[\x{300}-\x{36f}]+|\h{2}|\d+",
    "loops": r"(?:[aeiou]+[^aeiou\s])+|(?>\s+)x|(a|b)*c",
    "empty": r"x*",
}
for name, pattern in PATTERNS.items():
    variant(f"regex-{name}", "gpt2-bpe", pre_tokenizer=sequence("pre_tokenizer", regex(pattern), BYTES))
for behavior in ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]:
    for invert in [False, True]:
        variant(f"split-{behavior}-{invert}", "gpt2-bpe", pre_tokenizer=sequence("pre_tokenizer", regex(r"\p{L}+", behavior, invert), BYTES))
    variant(f"punctuation-{behavior}", "wordpiece-cased", pre_tokenizer=sequence("pre_tokenizer", {"type": "WhitespaceSplit"}, {"type": "Punctuation", "behavior": behavior}))
    variant(f"split-string-{behavior}", "unigram-t5", pre_tokenizer={"type": "Split", "pattern": {"String": "e"}, "behavior": behavior, "invert": False})
variant("split-characters", "gpt2-bpe", pre_tokenizer=sequence("pre_tokenizer", {"type": "Split", "pattern": {"String": ""}, "behavior": "Isolated", "invert": False}, BYTES))

SIMPLE = ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "ByteLevel"]
for name in SIMPLE:
    variant(f"normalizer-{name}", "unigram-t5", normalizer={"type": name})
    variant(f"normalizer-{name}-bytes", "roberta-bpe", normalizer={"type": name})
for left in [False, True]:
    for right in [False, True]:
        variant(f"strip-{left}-{right}", "unigram-t5", normalizer=sequence("normalizer", {"type": "Strip", "strip_left": left, "strip_right": right}, {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "NFC"}))
variant("replace-string", "gpt1-bpe", normalizer=sequence("normalizer", {"type": "Replace", "pattern": {"String": "th"}, "content": "þ😀"}, {"type": "Lowercase"}))
variant("replace-regex", "unigram-t5", normalizer=sequence("normalizer", {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}, {"type": "Replace", "pattern": {"Regex": r"[^\p{L}\s]"}, "content": ""}, {"type": "Prepend", "prepend": "xy"}))
for flags in range(16):
    on = [bool(flags & bit) for bit in (1, 2, 4, 8)]
    variant(f"bert-{flags:02}", "wordpiece-uncased", normalizer={"type": "BertNormalizer", "clean_text": on[0], "handle_chinese_chars": on[1], "strip_accents": on[2], "lowercase": on[3]})
variant("precompiled-alone", "unigram-spm", normalizer=base["unigram-spm"]["normalizer"]["normalizers"][0])
variant("precompiled-lower", "unigram-spm", normalizer=sequence("normalizer", {"type": "Lowercase"}, base["unigram-spm"]["normalizer"]["normalizers"][0], {"type": "NFD"}))

for scheme in ["always", "first", "never"]:
    for split in [True, False]:
        meta = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split}
        variant(f"metaspace-{scheme}-{split}", "unigram-t5", pre_tokenizer=meta, decoder=meta)
        variant(f"metaspace-spm-{scheme}-{split}", "llama2-bpe", normalizer=None, pre_tokenizer=meta, decoder=meta)
meta = {"type": "Metaspace", "replacement": "😀", "prepend_scheme": "always", "split": True}
variant("metaspace-emoji", "unigram-t5", pre_tokenizer=meta, decoder=meta)
for name in ["Whitespace", "WhitespaceSplit", "BertPreTokenizer", "UnicodeScripts"]:
    variant(f"pre-{name}", "wordpiece-cased", pre_tokenizer={"type": name})
    variant(f"pre-{name}-unigram", "unigram-t5", pre_tokenizer={"type": name})
for individual in [True, False]:
    variant(f"digits-{individual}", "gpt2-bpe", pre_tokenizer=sequence("pre_tokenizer", {"type": "Digits", "individual_digits": individual}, {**BYTES, "use_regex": True}))
    variant(f"digits-plain-{individual}", "unigram-t5", pre_tokenizer={"type": "Digits", "individual_digits": individual})
variant("delimiter", "unigram-t5", pre_tokenizer={"type": "CharDelimiterSplit", "delimiter": "e"})
for length in [1, 3]:
    variant(f"fixed-{length}", "gpt2-bpe", pre_tokenizer=sequence("pre_tokenizer", {"type": "FixedLength", "length": length}, BYTES))
for prefix in [True, False]:
    for trim in [True, False]:
        for use_regex in [True, False]:
            level = {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": trim, "use_regex": use_regex}
            variant(f"bytelevel-{prefix}-{trim}-{use_regex}", "gpt2-bpe", pre_tokenizer=level, post_processor=level)
            variant(f"bytelevel-first-{prefix}-{trim}-{use_regex}", "gpt2-bpe", pre_tokenizer=sequence("pre_tokenizer", level, {"type": "Punctuation", "behavior": "Isolated"}), post_processor=level)
            roberta = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": trim, "add_prefix_space": prefix}
            variant(f"roberta-{prefix}-{trim}-{use_regex}", "roberta-bpe", pre_tokenizer=level, post_processor=roberta)
variant("bert-processing", "wordpiece-cased", post_processor={"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]})

vocab = base["wordpiece-cased"]["model"]["vocab"]
for limit in [3, 12]:
    variant(f"wordpiece-limit-{limit}", "wordpiece-cased", model={"max_input_chars_per_word": limit})
write("wordlevel", {**base["wordpiece-cased"], "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "[UNK]"}, "decoder": None})
write("wordlevel-no-unk", {**base["wordpiece-cased"], "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "missing"}, "decoder": {"type": "Fuse"}})
for fuse in [True, False]:
    for fallback in [True, False]:
        variant(f"bpe-fuse-{fuse}-{fallback}", "llama2-bpe", model={"fuse_unk": fuse, "byte_fallback": fallback})
        variant(f"bpe-no-unk-{fuse}-{fallback}", "llama2-bpe", model={"fuse_unk": fuse, "byte_fallback": fallback, "unk_token": None})
variant("bpe-ignore-merges", "gpt2-bpe", model={"ignore_merges": True})
variant("bpe-legacy-merges", "gpt2-bpe", model={"merges": [" ".join(merge) for merge in base["gpt2-bpe"]["model"]["merges"]]})
variant("gpt1-no-unk", "gpt1-bpe", model={"unk_token": None})
variant("gpt1-fuse", "gpt1-bpe", model={"fuse_unk": True}, normalizer=None, pre_tokenizer={"type": "WhitespaceSplit"})
pieces = base["unigram-t5"]["model"]["vocab"]
bytes_and_pieces = pieces[:3] + [[f"<0x{byte:02X}>", -20.0] for byte in range(256)] + pieces[3:]
ids = {piece: index for index, (piece, _) in enumerate(bytes_and_pieces)}
tokens = [{**token, "id": ids[token["content"]]} for token in base["unigram-t5"]["added_tokens"]]
variant("unigram-bytes", "unigram-t5", added_tokens=tokens, model={"vocab": bytes_and_pieces, "byte_fallback": True}, decoder=sequence("decoder", {"type": "ByteFallback"}, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}))
variant("unigram-no-unk", "unigram-t5", model={"unk_id": None})

FLAGS = [{}, {"single_word": True}, {"lstrip": True}, {"rstrip": True}, {"lstrip": True, "rstrip": True}, {"normalized": False}, {"normalized": False, "lstrip": True, "rstrip": True, "single_word": True}, {"special": True}]
for number, flags in enumerate(FLAGS):
    for of in ["gpt2-bpe", "wordpiece-uncased", "unigram-t5", "llama2-bpe"]:
        size = len(base[of]["model"]["vocab"])
        more = [added(content, size + index, **flags) for index, content in enumerate(["The", "they", "É", "ing", "don", "日本", " a", "e s", "th"])]
        known = [token for token in more if token["content"] not in (base[of]["model"]["vocab"] if isinstance(base[of]["model"]["vocab"], dict) else dict(base[of]["model"]["vocab"]))]
        for index, token in enumerate(known):
            token["id"] = size + index
        variant(f"added-{number}-{of}", of, added_tokens=base[of]["added_tokens"] + known)

DECODERS = {
    "none": None, "fuse": {"type": "Fuse"}, "wordpiece": {"type": "WordPiece", "prefix": "##", "cleanup": False}, "bpe": {"type": "BPEDecoder", "suffix": "e"},
    "ctc": {"type": "CTC", "pad_token": "a", "word_delimiter_token": "t", "cleanup": True}, "strip": {"type": "Strip", "content": "e", "start": 1, "stop": 0},
    "replace": {"type": "Replace", "pattern": {"Regex": "[aeiou]+"}, "content": "_"}, "fallback": {"type": "ByteFallback"},
}
for name, decoder in DECODERS.items():
    variant(f"decoder-{name}", "wordpiece-cased", decoder=decoder)
    variant(f"decoder-{name}-llama2", "llama2-bpe", decoder=decoder)
PROCESSORS = {
    "bert": ("wordpiece-cased", {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}), "template": ("wordpiece-cased", base["wordpiece-cased"]["post_processor"]),
    "roberta": ("roberta-bpe", base["roberta-bpe"]["post_processor"]), "bytes": ("gpt2-bpe", {**BYTES, "add_prefix_space": True}), "none": ("gpt1-bpe", None),
    "sequence": ("llama3-bpe", base["llama3-bpe"]["post_processor"]), "t5": ("unigram-t5", base["unigram-t5"]["post_processor"]),
}
for direction in ["Left", "Right"]:
    for strategy in ["LongestFirst", "OnlyFirst", "OnlySecond"]:
        for name, (of, processor) in PROCESSORS.items():
            padding = {"strategy": {"Fixed": 10}, "direction": direction, "pad_to_multiple_of": 4, "pad_id": 0, "pad_type_id": 1, "pad_token": "x"}
            truncation = {"direction": direction, "max_length": 9, "strategy": strategy, "stride": 1}
            variant(f"cut-{name}-{direction}-{strategy}", of, post_processor=processor, truncation=truncation, padding=padding if strategy == "LongestFirst" else None)
print(count, "variants")
