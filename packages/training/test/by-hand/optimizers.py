"""Writes test/fixtures/optimizers.json: what torch.optim (Adafactor: transformers, Lion: lion-pytorch) makes of a fixed sequence of gradients, in float32;
and optimizers-float64.json: the same in float64, which tells how much of a difference is rounding.

Run by hand: python optimizers.py
torch.optim.Muon rounds to bfloat16 inside the iteration; here it is kept at float32, so that digits can be compared.

Gradients and first values come from an integer generator, so that both languages have the same bits without storing them.
"""

import json
from importlib.metadata import version
from pathlib import Path

import torch
import transformers
from lion_pytorch import Lion
from transformers.optimization import Adafactor

SHAPES = {"weight": [3, 4], "tall": [5, 2], "bias": [5]}
STEPS = 1000
CASES = {
    "adamw": ("AdamW", dict(lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01), None),
    "adamw-decay-clip": ("AdamW", dict(lr=0.003, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.5), 0.5),
    "adamw-amsgrad": ("AdamW", dict(lr=0.01, betas=(0.9, 0.99), weight_decay=0.1, amsgrad=True), None),
    "adamw-amsgrad-maximize-clip": (
        "AdamW",
        dict(lr=0.003, betas=(0.8, 0.9), eps=1e-6, weight_decay=0.2, amsgrad=True, maximize=True),
        0.5,
    ),
    "adafactor": ("Adafactor", dict(), None),
    "adafactor-warmup-momentum": ("Adafactor", dict(warmup_init=True, beta1=0.9, weight_decay=0.02), None),
    "adafactor-fixed-clip": (
        "Adafactor",
        dict(lr=0.01, relative_step=False, scale_parameter=False, clip_threshold=0.8, decay_rate=-0.7, weight_decay=0.1),
        0.5,
    ),
    "lion": ("Lion", dict(lr=0.001, betas=(0.9, 0.99), weight_decay=0.1), None),
    "lion-clip": ("Lion", dict(lr=0.003, betas=(0.95, 0.98), weight_decay=0.0), 0.5),
    "muon": ("Muon", dict(lr=0.02, weight_decay=0.1), None),
    "muon-adam-rate-clip": (
        "Muon",
        dict(lr=0.005, weight_decay=0.3, momentum=0.9, nesterov=False, ns_steps=4, adjust_lr_fn="match_rms_adamw"),
        0.5,
    ),
    "sgd": ("SGD", dict(lr=0.01), None),
    "sgd-momentum-decay": ("SGD", dict(lr=0.01, momentum=0.9, weight_decay=0.1), None),
    "sgd-nesterov-clip": ("SGD", dict(lr=0.02, momentum=0.8, nesterov=True, weight_decay=0.05), 0.7),
    "sgd-maximize-dampening": (
        "SGD",
        dict(lr=0.01, momentum=0.9, dampening=0.3, weight_decay=0.1, maximize=True),
        None,
    ),
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


KINDS = {"AdamW": torch.optim.AdamW, "SGD": torch.optim.SGD, "Adafactor": Adafactor, "Lion": Lion}


def make_optimizers(kind, options, parameters):
    matrices = [p for p in parameters.values() if p.dim() >= 2]
    rest = [p for p in parameters.values() if p.dim() < 2]
    if kind == "Muon":
        return [torch.optim.Muon(matrices, **options), torch.optim.AdamW(rest, lr=options["lr"], weight_decay=0.0)]
    groups = [
        {"params": matrices, "weight_decay": options.get("weight_decay", 0.0)},
        {"params": rest, "weight_decay": 0.0},
    ]
    foreach = {} if kind in ("Adafactor", "Lion") else {"foreach": False}
    return [KINDS[kind](groups, **foreach, **options)]


BFLOAT16 = torch.bfloat16
KEPT = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq", "exp_avg_sq_row", "exp_avg_sq_col", "momentum_buffer")


def run(kind, options, clip, dtype=torch.float32):
    torch.bfloat16 = dtype if kind == "Muon" else BFLOAT16  # Muon's iteration, without its rounding
    generator = Generator(1)
    parameters = {name: torch.nn.Parameter(generator.tensor(shape).to(dtype)) for name, shape in SHAPES.items()}
    optimizers = make_optimizers(kind, options, parameters)
    points = []
    for step in range(1, STEPS + 1):
        for parameter in parameters.values():
            parameter.grad = generator.tensor(list(parameter.shape)).to(dtype)
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), clip if clip else float("inf"))
        for optimizer in optimizers:
            optimizer.step()
        if step in (1, 2, 10, 100, STEPS):
            state = {
                f"{key}.{name}": value.flatten().tolist()
                for name, parameter in parameters.items()
                for optimizer in optimizers
                for key, value in optimizer.state.get(parameter, {}).items()
                if key in KEPT and value is not None
            }
            values = {name: parameter.flatten().tolist() for name, parameter in parameters.items()}
            points.append({"step": step, "norm": norm.item(), "parameters": values, "state": state})
    return points


cases = [
    {"name": name, "kind": kind, "options": options, "clip": clip, "points": run(kind, options, clip)}
    for name, (kind, options, clip) in CASES.items()
]
versions = {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__, "lion-pytorch": version("lion-pytorch")}
fixture = {"versions": versions, "shapes": SHAPES, "cases": cases}
folder = Path(__file__).parent.parent / "fixtures"
(folder / "optimizers.json").write_text(json.dumps(fixture, indent=1) + "\n")
exact = {name: run(kind, options, clip, torch.float64) for name, (kind, options, clip) in CASES.items()}
(folder / "optimizers-float64.json").write_text(json.dumps(exact) + "\n")
