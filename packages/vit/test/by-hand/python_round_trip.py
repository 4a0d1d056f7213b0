"""Opens in Python what this package saves, compares what both make of the same images, and saves it again there.

    pnpm exec node packages/vit/test/by-hand/save.ts FOLDER
    python packages/vit/test/by-hand/python_round_trip.py FOLDER        # needs torch, transformers, safetensors, timm

Result of 2026-11-23: transformers 5.23.0, timm 1.0.31, torch 2.15.0: ten models, all agree, worst 0.112 of the
tolerance (rtol 1e-4, atol 1e-5); their weights come back bit by bit.
"""

import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file

torch.set_num_threads(1)
folder = Path(sys.argv[1])
worst = 0.0
for place in sorted(folder.iterdir()):
    values = load_file(place / "values.safetensors")
    inputs = {"pixel_values": values.pop("pixel_values")}
    noise, mask = values.pop("noise"), values.pop("bool_masked_pos").bool()
    if place.name == "timm":
        import timm

        model = timm.create_model(f"local-dir:{place}", pretrained=True).eval()
        outputs = {"logits": model(inputs["pixel_values"])}
        weights = model.state_dict()
    else:
        model, info = getattr(transformers, place.name).from_pretrained(place, output_loading_info=True)
        assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), info
        if "MAE" in place.name:
            inputs["noise"] = noise
        if "Masked" in place.name:
            inputs["bool_masked_pos"] = mask
        outputs = model.eval()(**inputs)
        model.save_pretrained(place / "again")
        weights = load_file(place / "again" / "model.safetensors")
    saved = load_file(place / "model.safetensors")
    # Transformers 5 renames the layers of MAE's decoder when it saves.
    weights = {name.replace("decoder_encoder.layer", "decoder_layers"): weight for name, weight in weights.items()}
    assert weights.keys() == saved.keys(), (place.name, weights.keys() ^ saved.keys())
    assert all(torch.equal(weights[name], saved[name]) for name in saved), place.name
    for name, expected in values.items():
        found = outputs[name].detach()
        share = ((found - expected).abs() / (1e-5 + 1e-4 * expected.abs())).max().item()
        worst = max(worst, share)
        print(f"{place.name:40} {name:20} {share:.3f} of the tolerance")
        assert share <= 1, place.name
print(f"all agree, worst {worst:.3f} of the tolerance (rtol 1e-4, atol 1e-5); weights come back bit by bit")
