"""Training steps of a GPT-2 as nanoGPT writes it, from a Hugging Face folder and its batches; and the memory that they take."""

import gc
import json
import os

import numpy as np
import torch
import torch.nn.functional as F
from device import is_cuda, place, precision


def read_safetensors(path):
    """float32 tensors by name."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    header.pop("__metadata__", None)
    return {
        name: torch.from_numpy(np.frombuffer(data, np.float32, offset=at["data_offsets"][0], count=int(np.prod(at["shape"]))).copy()).view(at["shape"])
        for name, at in header.items()
    }


class Training:
    results = []

    def __init__(self, task, with_optimizer=True):
        self.task = task
        read = read_safetensors(os.path.join(task["folder"], "model.safetensors"))
        # Conv1D weights are [in, out] in the file.
        self.p = {
            name.removeprefix("transformer."): place(w.t().contiguous() if ".c_" in name and w.dim() == 2 else w).requires_grad_()
            for name, w in read.items()
        }
        ids = torch.from_numpy(np.fromfile(os.path.join(task["folder"], "batches.bin"), np.int32)).long()
        self.ids = ids.view(-1, 2, task["batch"], task["context"])
        self.count = 0
        if with_optimizer:
            self.start()

    def start(self):
        decayed = [p for p in self.p.values() if p.dim() >= 2]
        plain = [p for p in self.p.values() if p.dim() < 2]
        groups = [{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), fused=True)

    def loss(self, x, y):
        p, task = self.p, self.task
        B, T, C, H, rate = task["batch"], task["context"], task["dim"], task["heads"], task["dropout"]
        drop = (lambda t: F.dropout(t, rate)) if rate > 0 else (lambda t: t)
        h = drop(F.embedding(x, p["wte.weight"]) + p["wpe.weight"][:T])
        for i in range(task["layers"]):
            affine = lambda t, name: F.linear(t, p[f"h.{i}.{name}.weight"], p[f"h.{i}.{name}.bias"])
            norm = lambda t, name: F.layer_norm(t, (C,), p[f"h.{i}.{name}.weight"], p[f"h.{i}.{name}.bias"])
            q, k, v = (t.view(B, T, H, C // H).transpose(1, 2) for t in affine(norm(h, "ln_1"), "attn.c_attn").split(C, 2))
            a = F.scaled_dot_product_attention(q, k, v, dropout_p=rate, is_causal=True)
            h = h + drop(affine(a.transpose(1, 2).reshape(B, T, C), "attn.c_proj"))
            m = F.gelu(affine(norm(h, "ln_2"), "mlp.c_fc"), approximate="tanh")
            h = h + drop(affine(m, "mlp.c_proj"))
        h = F.layer_norm(h, (C,), p["ln_f.weight"], p["ln_f.bias"])
        return F.cross_entropy(F.linear(h, p["wte.weight"]).view(B * T, -1), y.reshape(-1))

    def step(self):
        x, y = place(self.ids[self.count % len(self.ids)])
        self.count += 1
        self.optimizer.zero_grad(set_to_none=True)
        with precision():
            loss = self.loss(x, y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.p.values(), 1.0)
        self.optimizer.step()
        return loss.item()


def _resident(field):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field))


def measure_memory(task, steps, warm_up=None):
    """Bytes: resident with the model, and the most during the steps; of CUDA, the most in tensors on the device, weights included."""
    if warm_up:
        small = Training(warm_up)
        for _ in range(steps):
            small.step()
        del small
    training = Training(task, with_optimizer=False)
    gc.collect()
    if is_cuda():
        return _measure_cuda_memory(training, steps)
    idle = _resident("VmRSS")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the high-water mark starts anew
    training.start()
    for _ in range(steps):
        training.step()
    return {"idle": idle, "peak": _resident("VmHWM")}


def _measure_cuda_memory(training, steps):
    torch.cuda.reset_peak_memory_stats()
    training.start()
    for _ in range(steps):
        training.step()
    return {"idle": 0, "peak": torch.cuda.max_memory_allocated()}
