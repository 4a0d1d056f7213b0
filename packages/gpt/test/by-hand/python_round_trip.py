"""Opens the models that save.ts wrote with Transformers, compares their logits, saves them again and compares the tensors: python python_round_trip.py FOLDER"""

import json
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file

transformers.logging.set_verbosity_error()
for folder in sorted(one for one in Path(sys.argv[1]).iterdir() if (one / "check.safetensors").exists()):
    name = json.loads((folder / "config.json").read_text())["architectures"][0]
    model, info = getattr(transformers, name).from_pretrained(folder, attn_implementation="eager", output_loading_info=True)
    complaints = {key: list(value) for key, value in info.items() if value}
    check = load_file(folder / "check.safetensors")
    expected = check.pop("logits")
    with torch.no_grad():
        logits = model.eval()(**check).logits
    if logits.dim() == 3:  # what stands at padding is nobody's
        logits, expected = (one[check["attention_mask"].bool()] for one in (logits, expected))
    worst = float((logits - expected).abs().max())
    again = Path(f"{folder}-python")
    model.save_pretrained(again)
    ours, theirs = (load_file(one / "model.safetensors") for one in (folder, again))
    other = [key for key in ours.keys() | theirs.keys() if key not in ours or key not in theirs or not torch.equal(ours[key], theirs[key])]
    print(f"{folder.name:20} {name:32} largest difference {worst:.1e} of logits to {float(expected.abs().max()):.2f}  {complaints or 'nothing missing, nothing unexpected'}; {other or 'the same tensors'}")
