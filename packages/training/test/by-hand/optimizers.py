"""Writes test/fixtures/optimizers.json: what torch.optim makes of a fixed sequence of gradients. Run by hand: python optimizers.py

Gradients and first values come from an integer generator, so that both languages have the same bits without storing them.
"""

import json
from pathlib import Path

import torch

SHAPES = {"weight": [3, 4], "bias": [5]}
STEPS = 300
CASES = {
    "adamw": ("AdamW", dict(lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01), None),
    "adamw-decay-clip": ("AdamW", dict(lr=0.003, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.5), 0.5),
    "sgd": ("SGD", dict(lr=0.01), None),
    "sgd-momentum-decay": ("SGD", dict(lr=0.01, momentum=0.9, weight_decay=0.1), None),
    "sgd-nesterov-clip": ("SGD", dict(lr=0.02, momentum=0.8, nesterov=True, weight_decay=0.05), 0.7),
}


class Generator:
    """Linear congruential; 24 bits make a float32 exactly, in [-1, 1)."""

    def __init__(self, state):
        self.state = state

    def tensor(self, shape):
        size = torch.Size(shape).numel()
        values = []
        for _ in range(size):
            self.state = (self.state * 1103515245 + 12345) % 2**31
            values.append(((self.state >> 7) - 2**23) / 2**23)
        return torch.tensor(values, dtype=torch.float32).reshape(shape)


def run(kind, options, clip):
    generator = Generator(1)
    parameters = {name: torch.nn.Parameter(generator.tensor(shape)) for name, shape in SHAPES.items()}
    decay = options.get("weight_decay", 0.0)
    groups = [
        {"params": [p for p in parameters.values() if p.dim() >= 2], "weight_decay": decay},
        {"params": [p for p in parameters.values() if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = getattr(torch.optim, kind)(groups, foreach=False, **options)
    points = []
    for step in range(1, STEPS + 1):
        for parameter in parameters.values():
            parameter.grad = generator.tensor(list(parameter.shape))
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), clip if clip else float("inf"))
        optimizer.step()
        if step in (1, 2, 10, 100, STEPS):
            state = {
                f"{key}.{name}": value.flatten().tolist()
                for name, parameter in parameters.items()
                for key, value in optimizer.state[parameter].items()
                if key in ("exp_avg", "exp_avg_sq", "momentum_buffer") and value is not None
            }
            values = {name: parameter.flatten().tolist() for name, parameter in parameters.items()}
            points.append({"step": step, "norm": norm.item(), "parameters": values, "state": state})
    return points


cases = [
    {"name": name, "kind": kind, "options": options, "clip": clip, "points": run(kind, options, clip)}
    for name, (kind, options, clip) in CASES.items()
]
fixture = {"torch": torch.__version__.split("+")[0], "shapes": SHAPES, "cases": cases}
path = Path(__file__).parent.parent / "fixtures" / "optimizers.json"
path.write_text(json.dumps(fixture, indent=1) + "\n")
