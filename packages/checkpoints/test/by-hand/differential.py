"""Asks Python's libraries for their verdicts and bytes, for differential.ts to compare with ours.

Run from packages/checkpoints (needs: pip install safetensors==0.8.0 torch numpy; takes a minute):
  python3 test/by-hand/differential.py /tmp/differential [seed]
  npx pnpm@12 exec node test/by-hand/differential.ts /tmp/differential
Record the result in README.md, under "Checked against Python".
"""

import hashlib
import json
import math
import random
import struct
import sys
from pathlib import Path

import safetensors
import torch
from safetensors.torch import save

out = Path(sys.argv[1])
seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
rng = random.Random(seed)
(out / "corpus").mkdir(parents=True, exist_ok=True)
(out / "written").mkdir(parents=True, exist_ok=True)

SIZES = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
         "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
         "C64": 64, "F64": 64, "I64": 64, "U64": 64}
NAMES = ["a", "b", "weight", "__proto__", "constructor", "toString", "", "é", "\U0001f600", "ﬀ", "\n", '"', "\\", "a/../b", "x" * 300, "\x7f", "\u2028"]
NUMBERS = ["0", "-0", "1", "2", "3", "-1", "1.0", "1e0", "1e3", "0e0", "01", "+1", "0x1", "4294967296", "9007199254740993", "18446744073709551615",
           "18446744073709551616", "1e400", "1e-400", "null", "true", "\"1\"", "[]", "[1]", "{}", "NaN", "Infinity", "", "1_0", ".5", "5."]
TOKENS = [" ", "\t", "\n", "\r", "\x0b", "\x00", "\ufeff", "\u00a0", ",", ":", "{", "}", "[", "]", '"', "\\", "null", "true", "/**/", "//", "'", "0", "-",
          '"\\ud800"', '"\\u0061"', '"\\x"', '"__metadata__":null,', '"__metadata__":{},', '"__metadata__":{"a":"b","a":"c"},', '"x":1e999,', '"x":[1,{"y":null}],']


def build(entries, metadata=None, text=None, data=None, pad=True, length=None):
    """A file from (name, entry) pairs; any part can be given as it is."""
    if text is None:
        parts = []
        if metadata is not None:
            parts.append('"__metadata__":' + json.dumps(metadata))
        parts += [json.dumps(name, ensure_ascii=rng.random() < 0.5) + ":" + (entry if isinstance(entry, str) else json.dumps(entry)) for name, entry in entries]
        text = "{" + ",".join(parts) + "}"
    head = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if pad:
        head += b" " * (-len(head) % 8)
    return struct.pack("<Q", len(head) if length is None else length) + head + data


def seed_file():
    entries, offset = [], 0
    for name in rng.sample(NAMES, rng.randint(0, 4)):
        dtype = rng.choice(list(SIZES))
        shape = [rng.choice([0, 1, 2, 3, 4, 8]) for _ in range(rng.randint(0, 3))]
        bits = math.prod(shape) * SIZES[dtype]
        size = -(-bits // 8)
        entries.append((name, {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + size]}))
        offset += size
    rng.shuffle(entries)
    metadata = rng.choice([None, {}, {"format": "pt"}, {"é": "\U0001f600", "__proto__": "x"}])
    return entries, metadata, rng.randbytes(offset)


def mutate_entry(entry):
    entry = dict(entry)
    kind = rng.randrange(8)
    if kind == 0:
        entry["dtype"] = rng.choice([*SIZES, "f32", "F33", "", 1, None, {"F32": None}, ["F32"]])
    elif kind == 1 and entry["shape"]:
        entry["shape"] = list(entry["shape"])
        entry["shape"][rng.randrange(len(entry["shape"]))] = rng.choice([0, 1, 2, 5, 2**31, 2**32, 2**53 + 1, 2**62, 2**64 - 1])
    elif kind == 2:
        entry["data_offsets"] = [max(0, value + rng.choice([-8, -1, 0, 1, 8])) for value in entry["data_offsets"]]
    elif kind == 3:
        entry["data_offsets"] = rng.choice([[], [0], [0, 0, 0], entry["data_offsets"][::-1], "0,0", None, {"0": 0, "1": 0}])
    elif kind == 4:
        del entry[rng.choice(list(entry))]
    elif kind == 5:
        entry[rng.choice(["extra", "Dtype", "__proto__"])] = rng.choice([1, None, [1, 2], {"a": {"b": 1}}, "x"])
    elif kind == 6:
        return json.dumps([entry["dtype"], entry["shape"], entry["data_offsets"]])
    else:
        text = json.dumps(entry)
        spots = [i for i, c in enumerate(text) if c.isdigit()]
        spot = rng.choice(spots)
        return text[:spot] + rng.choice(NUMBERS) + text[spot + 1:]
    return entry


def mutated():
    entries, metadata, data = seed_file()
    kind = rng.randrange(10)
    if kind == 0:
        return build(entries, metadata, data=data, pad=rng.random() < 0.5)
    if kind <= 3 and entries:
        spot = rng.randrange(len(entries))
        entries[spot] = (entries[spot][0], mutate_entry(entries[spot][1]))
        return build(entries, metadata, data=data)
    if kind == 4:
        return build(entries, rng.choice([[], "x", 1, {"a": 1}, {"a": None}, {"a": {}}, {"a": ["b"]}]), data=data)
    if kind == 5:
        return build(entries, metadata, data=rng.choice([data[:-1], data + b"\0", data * 2, b""]))
    if kind == 6:
        return build(entries, metadata, data=data, length=rng.choice([0, 1, 7, 8, 100_000_000, 100_000_001, 2**53, 2**63, 2**64 - 1]))
    plain = build(entries, metadata, data=data, pad=False)
    text = plain[8:len(plain) - len(data)].decode()
    if kind == 7:
        spot = rng.randrange(len(text) + 1)
        return build([], text=text[:spot] + rng.choice(TOKENS) + text[spot + rng.randint(0, 1):], data=data)
    if kind == 8:
        head = bytearray(text.encode())
        head[rng.randrange(len(head))] = rng.randrange(256)
        return build([], text=bytes(head), data=data)
    whole = bytearray(plain)
    for _ in range(rng.randint(1, 3)):
        whole[rng.randrange(len(whole))] = rng.randrange(256)
    return bytes(whole[:rng.randint(0, len(whole))] if rng.random() < 0.3 else whole)


def special():
    valid = {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}
    entry = json.dumps(valid)
    yield "twice", build([("a", valid), ("a", valid)], data=b"\1")
    yield "twice-escaped", build([], text='{"a":' + entry + ',"\\u0061":' + entry + "}", data=b"\1")
    yield "field-twice", build([("a", '{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}')], data=b"\1")
    yield "unknown-field-twice", build([("a", '{"x":1,"x":2,"dtype":"U8","shape":[1],"data_offsets":[0,1]}')], data=b"\1")
    yield "entry-as-array", build([("a", '["U8",[1],[0,1]]')], data=b"\1")
    yield "dtype-as-map", build([("a", '{"dtype":{"U8":null},"shape":[1],"data_offsets":[0,1]}')], data=b"\1")
    yield "metadata-null", build([], text='{"__metadata__":null,"a":' + entry + "}", data=b"\1")
    yield "metadata-twice", build([], text='{"__metadata__":{},"__metadata__":{},"a":' + entry + "}", data=b"\1")
    yield "empty-and-huge", build([("a", {"dtype": "U8", "shape": [0, 2**60], "data_offsets": [0, 0]})], data=b"")
    yield "huge-and-empty", build([("a", {"dtype": "U8", "shape": [2**40, 2**40, 0], "data_offsets": [0, 0]})], data=b"")
    yield "large-and-empty", build([("a", {"dtype": "U8", "shape": [2**30, 2**30, 0], "data_offsets": [0, 0]})], data=b"")
    yield "rank-64", build([("a", {"dtype": "U8", "shape": [1] * 64, "data_offsets": [0, 1]})], data=b"\1")
    for depth in (120, 123, 124, 125, 126, 127, 128, 129, 200, 5000):
        nested = "[" * depth + "]" * depth
        yield f"depth-{depth}", build([("a", '{"x":' + nested + ',"dtype":"U8","shape":[1],"data_offsets":[0,1]}')], data=b"\1")
    many = [(f"t{i}", {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}) for i in range(10)]
    yield "ten-over-one-range", build(many, data=b"\0" * 4)
    yield "empty-tensors-at-one-place", build([(name, {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}) for name in NAMES], data=b"")


def verdict(data):
    try:
        tensors = safetensors.deserialize(data)
    except Exception as error:
        return {"accepted": False, "error": str(error)[:200]}
    described = {name: [t["dtype"], t["shape"], hashlib.sha256(bytes(t["data"])).hexdigest()] for name, t in tensors}
    return {"accepted": True, "tensors": described}


verdicts = []
files = [(name, data) for name, data in special()]
files += [(path.name, path.read_bytes()) for path in sorted(Path("test/fixtures/bad").glob("*.safetensors"))]
files += [(f"{i:05d}", mutated()) for i in range(4000)]
for name, data in files:
    (out / "corpus" / name).write_bytes(data)
    verdicts.append({"file": name, **verdict(data)})
(out / "verdicts.json").write_text(json.dumps({"verdicts": verdicts}))

TORCH = [torch.bool, torch.uint8, torch.int8, torch.int16, torch.uint16, torch.float16, torch.bfloat16, torch.int32, torch.uint32, torch.float32,
         torch.complex64, torch.float64, torch.int64, torch.uint64, torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz,
         torch.float8_e8m0fnu]
for i in range(300):
    tensors = {}
    for name in rng.sample(NAMES, rng.randint(0, len(NAMES))):
        shape = [rng.choice([0, 1, 2, 3]) for _ in range(rng.randint(0, 3))]
        dtype = rng.choice(TORCH)
        count = math.prod(shape) * torch.empty(0, dtype=dtype).element_size()
        raw = bytearray(rng.randbytes(count)) if dtype != torch.bool else bytearray(rng.choice([0, 1]) for _ in range(count))
        tensors[name] = (torch.frombuffer(raw, dtype=torch.uint8).view(dtype) if count else torch.empty(0, dtype=dtype)).reshape(shape)
    (out / "written" / f"{i:03d}.safetensors").write_bytes(save(tensors, metadata=rng.choice([None, {"format": "pt"}])))


def random_float():
    kind = rng.randrange(4)
    if kind == 0:
        return struct.unpack("<d", rng.randbytes(8))[0]
    if kind == 1:
        return float(rng.randint(-2000, 2000))
    return rng.choice([1, 2, 3, 5, 7, 9.99]) * 10.0 ** rng.randint(-25, 25) * rng.choice([1, -1]) if kind == 2 else rng.random()


def random_json(depth=0):
    kind = rng.randrange(8 if depth < 4 else 5)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind == 1:
        return rng.choice([rng.randint(-10, 10), rng.randint(-2**70, 2**70), 2**53 + 1])
    if kind in (2, 3):
        value = random_float()
        return value if math.isfinite(value) else 0.0
    if kind == 4:
        return "".join(rng.choice(["a", "é", "\U0001f600", "\n", '"', "\\", "\x7f", "\x01", "/", "\u2028"]) for _ in range(rng.randint(0, 5)))
    if kind == 5:
        return [random_json(depth + 1) for _ in range(rng.randint(0, 4))]
    return {rng.choice(NAMES + ["10", "9", "1", "z"]): random_json(depth + 1) for _ in range(rng.randint(0, 5))}


documents = []
for _ in range(1000):
    value = {"value": random_json(), "more": random_json()}
    documents.append([json.dumps(value, indent=2, sort_keys=True) + "\n", json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"])
(out / "documents.json").write_text(json.dumps({"documents": documents}))
floats = [value for value in (random_float() for _ in range(50000)) if math.isfinite(value)]
(out / "floats.json").write_text(json.dumps({"floats": [[struct.pack("<d", value).hex(), repr(value)] for value in floats]}))

bits = torch.randint(-2**31, 2**31, (200_000,), dtype=torch.int64, generator=torch.Generator().manual_seed(seed)).to(torch.int32)
near = torch.randn(200_000, generator=torch.Generator().manual_seed(seed)) * 10.0 ** torch.randint(-9, 6, (200_000,), generator=torch.Generator().manual_seed(seed))
halves = torch.arange(65536, dtype=torch.int32).to(torch.uint16)
ties = (halves.view(torch.float16).float()[:31743] + halves.view(torch.float16).float()[1:31744]) / 2
brain_ties = ((torch.arange(65535, dtype=torch.int64) << 16) + 0x8000).to(torch.int32).view(torch.float32)
values = torch.cat([bits.view(torch.float32), near, ties, brain_ties])
codes = torch.arange(256, dtype=torch.int32).to(torch.uint8)
rounding = {"values": values, "f16": values.half(), "bf16": values.bfloat16(), "all.f16": halves.view(torch.float16), "all.f16.wide": halves.view(torch.float16).float(),
            "all.bf16": halves.view(torch.bfloat16), "all.bf16.wide": halves.view(torch.bfloat16).float()}
for dtype in (torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu):
    rounding[f"all.{dtype}"] = codes.view(dtype)
    rounding[f"all.{dtype}.wide"] = codes.view(dtype).float()
(out / "rounding.safetensors").write_bytes(save({name: tensor.clone() for name, tensor in rounding.items()}))
print(f"{len(files)} files to judge, 300 written, {len(documents)} JSON documents, {len(floats)} floats, {len(values)} values to round; safetensors {safetensors.__version__}, torch {torch.__version__}")
