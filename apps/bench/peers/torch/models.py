"""Hugging Face models from folders: inference, and export to ONNX."""

import os

import torch
from device import is_cuda, place, precision
from pattern import digest, pattern, pattern_ids


class _First(torch.nn.Module):
    """A model of one input and one output."""

    def __init__(self, model, **options):
        super().__init__()
        self.model, self.options = model, options

    def forward(self, x):
        return self.model(x, **self.options)[0]


def load(task):
    """A model with one output, and its input."""
    import transformers

    kind, folder = task["model"], task["folder"]
    if kind in ("gpt2", "tiny"):
        model = transformers.GPT2LMHeadModel.from_pretrained(folder).eval()
        x = pattern_ids(task["length"], 1, model.config.vocab_size).view(1, -1)
        return _First(model, use_cache=False, logits_to_keep=1), x
    if kind == "vit":
        model = transformers.ViTForImageClassification.from_pretrained(folder).eval()
        side = model.config.image_size
        return _First(model), pattern([1, 3, side, side], 1)
    model = transformers.BertModel.from_pretrained(folder, add_pooling_layer=False).eval()
    return _First(model), pattern_ids(task["length"], 1, model.config.vocab_size).view(1, -1)


class Inference:
    def __init__(self, task):
        self.module, self.x = map(place, load(task))
        self.new_tokens = task.get("newTokens") if task["mode"] == "decode" else None
        output = self.step()
        self.results = [[int(i)] for i in output] if self.new_tokens else digest(output)

    def step(self):
        with torch.no_grad(), precision():
            if self.new_tokens is None:
                output = self.module(self.x)
                return output.cpu() if is_cuda() else output  # read, as by Formers
            n = self.new_tokens
            ones = torch.ones_like(self.x)
            ids = self.module.model.generate(self.x, attention_mask=ones, max_new_tokens=n, min_new_tokens=n, do_sample=False, pad_token_id=0)
            return ids[0, self.x.shape[1] :].cpu()


def export(task):
    """Writes model.onnx (and its data beside it) into the folder."""
    module, x = load(task)
    path = os.path.join(task["folder"], "model.onnx")
    with torch.no_grad():
        torch.onnx.export(module, (x,), path, dynamo=True, external_data=True, input_names=["input"], output_names=["output"], verbose=False)
    return {}
