"""Writes test/fixtures: a masked language model of each family with random weights, its inputs and its outputs.

    python packages/bert/test/by-hand/make_fixtures.py      (transformers 5.23.0, torch 2.15.0, safetensors)
"""

import shutil
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

FIXTURES = Path(__file__).parent.parent / "fixtures"
SIZES = dict(vocab_size=43, max_position_embeddings=14, attn_implementation="eager")
BERT_SIZES = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24)
MODELS = {
    "bert": transformers.BertForMaskedLM(transformers.BertConfig(**SIZES, **BERT_SIZES)),
    "roberta": transformers.RobertaForMaskedLM(transformers.RobertaConfig(**SIZES, **BERT_SIZES, type_vocab_size=1)),
    "distilbert": transformers.DistilBertForMaskedLM(
        transformers.DistilBertConfig(**SIZES, dim=16, n_layers=2, n_heads=2, hidden_dim=24)
    ),
}

torch.manual_seed(20251)
for name, model in MODELS.items():
    folder = FIXTURES / f"{name}-mlm"
    shutil.rmtree(folder, ignore_errors=True)
    with torch.no_grad():  # so that every part of the model shows
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    pad = model.config.pad_token_id
    ids = torch.randint(2, 43, (2, 9))
    mask = torch.ones_like(ids)
    ids[1, 6:], mask[1, 6:] = pad, 0
    inputs = {"input_ids": ids, "attention_mask": mask}
    outputs = model.eval()(**inputs, output_hidden_states=True, output_attentions=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    save_file(inputs, folder / "inputs.safetensors")
    tensors = {"logits": outputs.logits}
    for kind in ("hidden_states", "attentions"):
        tensors |= {f"{kind}.{i}": tensor for i, tensor in enumerate(outputs[kind])}
    save_file({key: tensor.detach().contiguous() for key, tensor in tensors.items()}, folder / "outputs.safetensors")
