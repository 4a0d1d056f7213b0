"""Opens the models that round-trip.ts wrote with Transformers, compares their outputs, and saves them again: python round_trip.py FOLDER"""

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
    model.eval()
    complaints = {key: list(value) for key, value in info.items() if value}
    check = load_file(folder / "check.safetensors")
    inputs = {key: value for key, value in check.items() if not key.startswith("output.")}
    # The heads that read the source twice are given it once.
    if name.endswith(("EncoderModel", "TokenClassification", "SequenceClassification", "QuestionAnswering", "CausalLM")):
        del inputs["decoder_input_ids"]
    with torch.no_grad():
        outputs = model(**inputs)
    worst = max(
        float((outputs[key[7:]] - value).abs().max()) for key, value in check.items() if key.startswith("output.")
    )
    model.save_pretrained(f"{folder}-python")
    print(f"{folder.name:20} {name:30} largest difference {worst:.1e}  {complaints or 'nothing missing, nothing unexpected'}")
