"""Opens the models that save.ts wrote with Transformers and PyTorch, compares their logits, and the tensors that they save: python python_round_trip.py FOLDER"""

import json
import math
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file


class TorchModel(torch.nn.Module):
    """torch.nn.Transformer between embeddings, the positions of the paper and an output projection."""

    def __init__(self, c):
        super().__init__()
        self.dim = c["d_model"]
        if c["share_embeddings"]:
            self.embed = torch.nn.Embedding(c["vocab"], self.dim)
        else:
            self.src_embed = torch.nn.Embedding(c["src_vocab"], self.dim)
            self.tgt_embed = torch.nn.Embedding(c["tgt_vocab"], self.dim)
        self.transformer = torch.nn.Transformer(
            self.dim, c["heads"], c["encoder_layers"], c["decoder_layers"], c["ffn"], c["dropout"], c["activation"],
            layer_norm_eps=c["layer_norm_eps"], batch_first=True, norm_first=c["norm_first"], bias=c["bias"],
        )
        if not c["final_norm"]:
            self.transformer.encoder.norm = self.transformer.decoder.norm = None
        if not c["share_embeddings"]:
            self.generator = torch.nn.Linear(self.dim, c["tgt_vocab"])

    def embedded(self, ids, table):
        rates = torch.exp(torch.arange(0, self.dim, 2) * (-math.log(10000) / self.dim))
        angles = torch.arange(ids.shape[1])[:, None] * rates
        positions = torch.stack((angles.sin(), angles.cos()), -1).flatten(1)
        return table(ids) * math.sqrt(self.dim) + positions

    def forward(self, input_ids, decoder_input_ids, attention_mask):
        hidden = attention_mask == 0
        shared = hasattr(self, "embed")
        source = self.embedded(input_ids, self.embed if shared else self.src_embed)
        target = self.embedded(decoder_input_ids, self.embed if shared else self.tgt_embed)
        future = torch.ones(target.shape[1], target.shape[1], dtype=torch.bool).triu(1)
        x = self.transformer(source, target, tgt_mask=future, src_key_padding_mask=hidden, memory_key_padding_mask=hidden)
        return self.generator(x) if hasattr(self, "generator") else x @ self.embed.weight.T


transformers.logging.set_verbosity_error()
for folder in sorted(one for one in Path(sys.argv[1]).iterdir() if (one / "check.safetensors").exists()):
    config = json.loads((folder / "config.json").read_text())
    ours = load_file(folder / "model.safetensors")
    check = load_file(folder / "check.safetensors")
    expected = check.pop("logits")
    if "model_type" in config:
        model, info = transformers.MarianMTModel.from_pretrained(folder, attn_implementation="eager", output_loading_info=True)
        complaints = {key: list(value) for key, value in info.items() if value}
        with torch.no_grad():
            logits = model.eval()(**check).logits
        model.save_pretrained(f"{folder}-python")
        theirs = load_file(Path(f"{folder}-python") / "model.safetensors")
    else:
        model = TorchModel(config).eval()
        model.load_state_dict(ours)  # strict: nothing missing, nothing unexpected
        complaints = {}
        with torch.no_grad():
            logits = model(**check)
        theirs = model.state_dict()
    worst, size = float((logits - expected).abs().max()), float(expected.abs().max())
    other = [key for key in ours.keys() | theirs.keys() if key not in ours or key not in theirs or not torch.equal(ours[key], theirs[key])]
    print(f"{folder.name:16} largest difference {worst:.1e} of logits to {size:.2f}  {complaints or 'nothing missing, nothing unexpected'}; {other or 'the same tensors'}")
