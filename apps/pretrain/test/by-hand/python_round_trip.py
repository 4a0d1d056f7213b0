"""Opens checkpoints of `pretrain` in Python and compares tokens and logits.

    pip install torch==2.15.0 transformers==5.23.0
    npx pnpm@12 pretrain --steps 20 --out /tmp/char && npx pnpm@12 pretrain --tokenizer bpe --vocab-size 400 --steps 20 --out /tmp/bpe
    npx pnpm@12 exec node apps/pretrain/test/by-hand/dump-logits.ts /tmp/char /tmp/bpe > /tmp/ours.json
    python3 apps/pretrain/test/by-hand/python_round_trip.py /tmp/ours.json
"""

import json
import sys

import torch
from transformers import AutoTokenizer, GPT2LMHeadModel

for case in json.load(open(sys.argv[1])):
    tokenizer = AutoTokenizer.from_pretrained(case["folder"])
    model, info = GPT2LMHeadModel.from_pretrained(case["folder"], output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"], info
    ids = tokenizer(case["text"], add_special_tokens=False)["input_ids"]
    assert ids == case["ids"], (ids, case["ids"])
    assert tokenizer.decode(ids) == case["decoded"], (tokenizer.decode(ids), case["decoded"])
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    error = (logits - torch.tensor(case["logits"])).abs().max().item()
    assert error < 1e-4, error
    print(f"{case['folder']}: {type(tokenizer).__name__}, {len(ids)} tokens equal, largest difference of logits {error:.2e}")
