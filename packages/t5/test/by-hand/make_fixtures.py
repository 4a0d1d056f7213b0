"""Writes test/fixtures: a T5 and a T5 v1.1 with random weights, and what Transformers makes of them. Run by hand: python make_fixtures.py"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import T5Config, T5ForConditionalGeneration

SIZES = dict(
    vocab_size=60, d_model=20, d_kv=6, d_ff=28, num_layers=1, num_decoder_layers=2, num_heads=3,
    relative_attention_num_buckets=8, relative_attention_max_distance=20, decoder_start_token_id=0,
)


def make(name, own_head, **options):
    folder = Path(__file__).parent.parent / "fixtures" / name
    torch.manual_seed(0)
    config = T5Config(**SIZES, **options)
    config._attn_implementation = "eager"
    model = T5ForConditionalGeneration(config).eval()
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            size = 1 + 0.2 * torch.randn(parameter.shape) if parameter.dim() == 1 else 0.3 * torch.randn(parameter.shape)
            parameter.copy_(size)
        if own_head:
            model.lm_head.weight = torch.nn.Parameter(0.2 * torch.randn(model.lm_head.weight.shape))
    model.save_pretrained(folder)
    if own_head:  # as published checkpoints of v1.1 spell it
        legacy = json.loads((folder / "config.json").read_text())
        for key in ("scale_decoder_outputs", "dense_act_fn", "is_gated_act"):
            del legacy[key]
        (folder / "config.legacy.json").write_text(json.dumps({**legacy, "tie_word_embeddings": False}, indent=1))
    inputs = {
        "input_ids": torch.randint(3, 60, (2, 7)),
        "attention_mask": torch.tensor([[1] * 7, [1] * 5 + [0] * 2]),
        "labels": torch.tensor([[8, 9, 10, 11, 1], [12, 13, 1, -100, -100]]),
    }
    outputs = model(**inputs)
    save_file(inputs, folder / "inputs.safetensors")
    save_file({"logits": outputs.logits.detach(), "loss": outputs.loss.detach()}, folder / "outputs.safetensors")


make("t5", own_head=False)
make("t5-v1_1", own_head=True, feed_forward_proj="gated-gelu", tie_word_embeddings=False)
