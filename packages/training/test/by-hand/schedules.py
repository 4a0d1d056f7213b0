"""Writes test/fixtures/schedules.json: the rates of Hugging Face's schedules, and nanoGPT's. Run by hand: python schedules.py"""

import json
import math
from pathlib import Path

import torch
import transformers
from transformers import optimization

PEAK, STEPS = 3e-4, 48
CASES = [
    ("constant", "get_constant_schedule", {}),
    ("constant_with_warmup", "get_constant_schedule_with_warmup", {"num_warmup_steps": 7}),
    ("linear", "get_linear_schedule_with_warmup", {"num_warmup_steps": 7, "num_training_steps": 40}),
    ("linear", "get_linear_schedule_with_warmup", {"num_warmup_steps": 0, "num_training_steps": 40}),
    ("cosine", "get_cosine_schedule_with_warmup", {"num_warmup_steps": 7, "num_training_steps": 40}),
    ("cosine", "get_cosine_schedule_with_warmup", {"num_warmup_steps": 7, "num_training_steps": 40, "num_cycles": 2.5}),
    ("cosine_with_restarts", "get_cosine_with_hard_restarts_schedule_with_warmup", {"num_warmup_steps": 5, "num_training_steps": 40, "num_cycles": 4}),
    ("cosine_with_min_lr", "get_cosine_with_min_lr_schedule_with_warmup", {"num_warmup_steps": 5, "num_training_steps": 40, "min_lr": 1e-5}),
    ("cosine_with_min_lr", "get_cosine_with_min_lr_schedule_with_warmup", {"num_warmup_steps": 5, "num_training_steps": 40, "min_lr_rate": 0.1}),
    ("cosine_warmup_with_min_lr", "get_cosine_with_min_lr_schedule_with_warmup_lr_rate", {"num_warmup_steps": 5, "num_training_steps": 40, "min_lr": 1e-5}),
    ("cosine_warmup_with_min_lr", "get_cosine_with_min_lr_schedule_with_warmup_lr_rate", {"num_warmup_steps": 5, "num_training_steps": 40, "min_lr_rate": 0.1, "warmup_lr_rate": 0.05}),
    ("polynomial", "get_polynomial_decay_schedule_with_warmup", {"num_warmup_steps": 5, "num_training_steps": 40}),
    ("polynomial", "get_polynomial_decay_schedule_with_warmup", {"num_warmup_steps": 5, "num_training_steps": 40, "lr_end": 1e-5, "power": 3.0}),
    ("inverse_sqrt", "get_inverse_sqrt_schedule", {"num_warmup_steps": 6}),
    ("inverse_sqrt", "get_inverse_sqrt_schedule", {"num_warmup_steps": 6, "timescale": 20}),
    ("inverse_sqrt", "get_inverse_sqrt_schedule", {"num_warmup_steps": 0}),
    ("warmup_stable_decay", "get_wsd_schedule", {"num_warmup_steps": 5, "num_decay_steps": 9, "num_training_steps": 40}),
    ("warmup_stable_decay", "get_wsd_schedule", {"num_warmup_steps": 5, "num_decay_steps": 9, "num_stable_steps": 11, "min_lr_ratio": 0.1, "warmup_type": "cosine", "decay_type": "linear"}),
    ("warmup_stable_decay", "get_wsd_schedule", {"num_warmup_steps": 5, "num_decay_steps": 9, "num_stable_steps": 11, "min_lr_ratio": 0.2, "warmup_type": "1-sqrt", "decay_type": "1-sqrt"}),
]


def rates(function, options):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    schedule = getattr(optimization, function)(optimizer, **options)
    values = []
    for _ in range(STEPS):
        values.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return values


def nano_gpt(it, learning_rate, warmup_iters, lr_decay_iters, min_lr):
    """get_lr of nanoGPT's train.py."""
    if it < warmup_iters:
        return learning_rate * (it + 1) / (warmup_iters + 1)
    if it > lr_decay_iters:
        return min_lr
    decay_ratio = (it - warmup_iters) / (lr_decay_iters - warmup_iters)
    coeff = 0.5 * (1.0 + math.cos(math.pi * decay_ratio))
    return min_lr + coeff * (learning_rate - min_lr)


fixture = {
    "transformers": transformers.__version__,
    "peak": PEAK,
    "cases": [{"name": n, "function": f, "options": o, "rates": rates(f, o)} for n, f, o in CASES],
    "nanoGpt": [nano_gpt(it, PEAK, 6, 40, 3e-5) for it in range(STEPS)],
}
path = Path(__file__).parent.parent / "fixtures" / "schedules.json"
path.write_text(json.dumps(fixture) + "\n")
