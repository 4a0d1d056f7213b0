"""Opens what python-round-trip.ts wrote with the real Transformers, and compares what the models compute.

    node packages/bert/test/by-hand/python-round-trip.ts /tmp/bert-heads
    python packages/bert/test/by-hand/python_round_trip.py /tmp/bert-heads
"""

import json
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file

NAMES = {
    "hidden": "last_hidden_state",
    "pooled": "pooler_output",
    "wordLogits": "prediction_logits",
    "nextSentenceLogits": "seq_relationship_logits",
    "startLogits": "start_logits",
    "endLogits": "end_logits",
}

worst = 0.0
folders = sorted(Path(sys.argv[1]).iterdir(), key=lambda folder: int(folder.name.split("-")[0]))
for folder in folders:
    architecture = json.loads((folder / "config.json").read_text())["architectures"][0]
    model, info = getattr(transformers, architecture).from_pretrained(
        folder, attn_implementation="eager", output_loading_info=True
    )
    assert not any(info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")), info
    tensors = load_file(folder / "found.safetensors")
    inputs = {name: tensors[name].long() for name in ("input_ids", "attention_mask") if name in tensors}
    with torch.no_grad():
        outputs = model.eval()(**inputs)
    for name, found in tensors.items():
        if name.startswith("found."):
            ours = name.removeprefix("found.")
            default = "last_hidden_state" if architecture.endswith("Model") else "logits"
            difference = (outputs[NAMES.get(ours, default)] - found).abs().max().item()
            worst = max(worst, difference)
            print(f"{architecture:40} {ours:20} {list(found.shape)!s:14} {difference:.1e}")
assert worst < 1e-4, worst
print(f"{len(folders)} models, Transformers {transformers.__version__}: the largest difference is {worst:.1e}")
