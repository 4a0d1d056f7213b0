"""PyTorch's side of time-step.ts: a GPT-2 of the same weights and batches; runs as many steps as each line of standard input says."""

import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

config = json.loads(sys.argv[1])
torch.set_num_threads(config["threads"])
L, C, H, T, B, V = (config[key] for key in "LCHTBV")
raw = torch.from_numpy(np.fromfile(config["weights"], dtype=np.float32))
ids = torch.from_numpy(np.fromfile(config["batches"], dtype=np.int32)).long().view(-1, 2, B, T)
params, at = {}, 0
for name, shape in config["shapes"]:
    n = int(np.prod(shape))
    params[name] = raw[at : at + n].clone().view(shape).requires_grad_()
    at += n
decayed = [p for p in params.values() if p.dim() >= 2]
plain = [p for p in params.values() if p.dim() < 2]
groups = [{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}]
optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), fused=True)


def loss_of(x, y):
    p = params
    h = p["tokens"][x] + p["positions"][:T]
    for i in range(L):
        n = F.layer_norm(h, (C,), p[f"{i}.norm1.weight"], p[f"{i}.norm1.bias"])
        q, k, v = (t.view(B, T, H, C // H).transpose(1, 2) for t in F.linear(n, p[f"{i}.qkv.weight"], p[f"{i}.qkv.bias"]).split(C, 2))
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(B, T, C)
        h = h + F.linear(a, p[f"{i}.out.weight"], p[f"{i}.out.bias"])
        n = F.layer_norm(h, (C,), p[f"{i}.norm2.weight"], p[f"{i}.norm2.bias"])
        m = F.gelu(F.linear(n, p[f"{i}.up.weight"], p[f"{i}.up.bias"]), approximate="tanh")
        h = h + F.linear(m, p[f"{i}.down.weight"], p[f"{i}.down.bias"])
    h = F.layer_norm(h, (C,), p["norm.weight"], p["norm.bias"])
    return F.cross_entropy(F.linear(h, p["tokens"]).view(-1, V), y.reshape(-1))


clock = time.process_time if config["cpu"] else time.perf_counter
step = 0
for line in sys.stdin:
    times, losses = [], []
    for _ in range(int(line)):
        x, y = ids[step % len(ids)]
        start = clock()
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(x, y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params.values(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        times.append((clock() - start) * 1000)
        step += 1
    print(json.dumps({"times": times, "losses": losses}), flush=True)
