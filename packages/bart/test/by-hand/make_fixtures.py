"""Writes test/fixtures: a BART with random weights, tied and not, and what Transformers makes of them. Run by hand: python make_fixtures.py"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import BartConfig, BartForConditionalGeneration

SIZES = dict(
    vocab_size=60, d_model=20, max_position_embeddings=12, encoder_layers=1, encoder_attention_heads=2,
    encoder_ffn_dim=28, decoder_layers=2, decoder_attention_heads=4, decoder_ffn_dim=24,
)


def make(name, **options):
    folder = Path(__file__).parent.parent / "fixtures" / name
    torch.manual_seed(0)
    config = BartConfig(**SIZES, **options)
    config._attn_implementation = "eager"
    model = BartForConditionalGeneration(config).eval()
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            gain = path.endswith("weight") and parameter.dim() == 1
            parameter.copy_((1 if gain else 0) + 0.3 * torch.randn(parameter.shape))
        model.final_logits_bias.copy_(torch.randn(1, 60))
    model.save_pretrained(folder)
    inputs = {
        "input_ids": torch.randint(3, 60, (2, 7)),
        "attention_mask": torch.tensor([[1] * 7, [1] * 5 + [0] * 2]),
        "labels": torch.tensor([[8, 9, 10, 11, 2], [12, 13, 2, -100, -100]]),
    }
    outputs = model(**inputs)
    save_file(inputs, folder / "inputs.safetensors")
    save_file({"logits": outputs.logits.detach(), "loss": outputs.loss.detach()}, folder / "outputs.safetensors")


make("bart")
make("bart-untied", tie_word_embeddings=False, scale_embedding=True)
