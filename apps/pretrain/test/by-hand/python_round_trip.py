"""Opens checkpoints of `pretrain` in Python and compares tokens and outputs.

    pip install torch==2.15.0 transformers==5.23.0
    npx pnpm@12 pretrain --steps 20 --out checkpoints/char && npx pnpm@12 pretrain --family t5 --steps 20 --out checkpoints/t5    # and so on
    npx pnpm@12 exec node apps/pretrain/test/by-hand/dump-logits.ts checkpoints/char checkpoints/t5 > checkpoints/ours.json
    python3 apps/pretrain/test/by-hand/python_round_trip.py checkpoints/ours.json
"""

import json
import math
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoTokenizer

transformers.logging.set_verbosity_error()


class PyTorchTransformer(torch.nn.Module):
    """`torch.nn.Transformer` between an embedding and its transpose, as `Annotated Transformer`s have it."""

    def __init__(self, config):
        super().__init__()
        self.dim = config["d_model"]
        self.embed = torch.nn.Embedding(config["vocab"], self.dim)
        self.transformer = torch.nn.Transformer(
            self.dim, config["heads"], config["encoder_layers"], config["decoder_layers"], config["ffn"],
            dropout=0.0, activation=config["activation"], layer_norm_eps=config["layer_norm_eps"],
            norm_first=config["norm_first"], batch_first=True,
        )  # fmt: skip
        if not config["final_norm"]:
            self.transformer.encoder.norm = self.transformer.decoder.norm = None

    def forward(self, ids, decoder_ids):
        causal = torch.nn.Transformer.generate_square_subsequent_mask(decoder_ids.shape[1])
        x = self.transformer(self.embedded(ids), self.embedded(decoder_ids), tgt_mask=causal, tgt_is_causal=True)
        return {"logits": x @ self.embed.weight.T}

    def embedded(self, ids):
        place = torch.arange(ids.shape[1])[:, None]
        rate = torch.exp(torch.arange(0, self.dim, 2) * (-math.log(10000) / self.dim))
        waves = torch.stack([torch.sin(place * rate), torch.cos(place * rate)], -1).flatten(1)
        return self.embed(ids) * math.sqrt(self.dim) + waves


def run(case):
    """The outputs in Python."""
    folder, architecture = Path(case["folder"]), case["architecture"]
    ids = torch.tensor([case["ids"][:32] or [0]])
    if architecture == "torch.nn.Transformer":
        model = PyTorchTransformer(json.loads((folder / "config.json").read_text())).eval()
        model.load_state_dict(load_file(folder / "model.safetensors"))
        return model(ids, ids)
    model, info = getattr(transformers, architecture).from_pretrained(
        folder, output_loading_info=True, attn_implementation="eager"
    )
    assert not info["missing_keys"] and not info["unexpected_keys"], info
    if architecture.startswith("ViT"):
        images = (torch.arange(28 * 28) * 37 % 256 / 127.5 - 1).reshape(1, 1, 28, 28).float()
        noise = {"noise": (torch.arange(49) * 29 % 49 / 49)[None]} if "MAE" in architecture else {}
        return model.eval()(images, **noise)
    decoder = {"decoder_input_ids": ids} if "ConditionalGeneration" in architecture else {}
    return model.eval()(ids, **decoder)


for case in json.load(open(sys.argv[1])):
    tokens = ""
    if not case["architecture"].startswith("ViT"):
        tokenizer = AutoTokenizer.from_pretrained(case["folder"])
        ids = tokenizer(case["text"], add_special_tokens=False)["input_ids"]
        assert ids == case["ids"], (ids, case["ids"])
        special = tokenizer(case["text"])["input_ids"]
        assert special == case["special"], (special, case["special"])
        assert tokenizer.decode(ids) == case["decoded"], (tokenizer.decode(ids), case["decoded"])
        tokens = f"{type(tokenizer).__name__}, {len(ids)} tokens equal, "
    with torch.no_grad():
        outputs = run(case)
    for name, ours in case["outputs"].items():
        error = (outputs[name] - torch.tensor(ours)).abs().max().item()
        assert error < 1e-4, (name, error)
        print(f"{case['folder']}: {case['architecture']}, {tokens}largest difference of {name} {error:.2e}")
