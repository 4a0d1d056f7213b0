"""Single ops, forward, and forward and backward; the same as in src/worker/ops.ts."""

import torch
import torch.nn.functional as F
from pattern import digest, pattern, pattern_ids


def _attention(s):
    shape = [s["batch"], s["heads"], s["seq"], s["headDim"]]
    q, k, v = (pattern(shape, seed) for seed in range(3))
    return [q, k, v], lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True)


def _linear_gelu(s):
    x, weight, bias = pattern([s["rows"], s["inDim"]], 0), pattern([s["outDim"], s["inDim"]], 1), pattern([s["outDim"]], 2)
    return [x, weight, bias], lambda: F.gelu(F.linear(x, weight, bias), approximate="tanh")


def _layer_norm(s):
    x, weight, bias = pattern([s["rows"], s["dim"]], 0), pattern([s["dim"]], 1), pattern([s["dim"]], 2)
    return [x, weight, bias], lambda: F.layer_norm(x, (s["dim"],), weight, bias, 1e-5)


def _rms_norm(s):
    x, weight = pattern([s["rows"], s["dim"]], 0), pattern([s["dim"]], 1)
    return [x, weight], lambda: F.rms_norm(x, (s["dim"],), weight, 1e-6)


def _rowwise(f):
    def create(s):
        x = pattern([s["rows"], s["dim"]], 0)
        return [x], lambda: f(x)

    return create


def _cross_entropy(s):
    logits = pattern([s["rows"], s["classes"]], 0)
    labels = pattern_ids(s["rows"], 9, s["classes"])
    return [logits], lambda: F.cross_entropy(logits, labels)


def _linear_cross_entropy(s):
    x, weight = pattern([s["rows"], s["dim"]], 0), pattern([s["classes"], s["dim"]], 1)
    labels = pattern_ids(s["rows"], 9, s["classes"])
    return [x, weight], lambda: F.cross_entropy(F.linear(x, weight), labels)


def _embedding(s):
    weight = pattern([s["vocab"], s["dim"]], 0)
    ids = pattern_ids(s["rows"], 9, s["vocab"])
    return [weight], lambda: F.embedding(ids, weight)


def _dropout(s):
    x = pattern([s["rows"], s["dim"]], 0)
    return [x], lambda: F.dropout(x, 0.1, training=True)


def _add_bias(s):
    x, bias = pattern([s["rows"], s["dim"]], 0), pattern([s["dim"]], 1)
    return [x, bias], lambda: x + bias


def _split_heads(s):
    x = pattern([s["batch"], s["seq"], s["heads"], s["headDim"]], 0)
    return [x], lambda: x.transpose(1, 2).contiguous()


def _conv2d(s):
    # Ours is [batch, height, width, channels]; so is this one in memory.
    x = pattern([s["batch"], s["side"], s["side"], s["channels"]], 0)
    kernel = pattern([3, 3, s["channels"], s["filters"]], 1)
    return [x, kernel], lambda: F.conv2d(x.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), padding=1).permute(0, 2, 3, 1)


def _max_pool(s):
    x = pattern([s["batch"], s["side"], s["side"], s["channels"]], 0)
    return [x], lambda: F.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)


def _global_norm(s):
    tensors = [pattern([s["size"]], i) for i in range(s["tensors"])]
    return tensors, lambda: torch.nn.utils.get_total_norm(tensors)


def _adam_w(s):
    parameters = [pattern([s["size"]], 2 * i) for i in range(s["tensors"])]
    for i, parameter in enumerate(parameters):
        parameter.grad = pattern([s["size"]], 2 * i + 1)
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1, fused=True)

    def step():
        optimizer.step()
        return parameters[0]

    return [], step


OPS = {
    "attention": _attention,
    "linearGelu": _linear_gelu,
    "layerNorm": _layer_norm,
    "rmsNorm": _rms_norm,
    "gelu": _rowwise(F.gelu),
    "geluTanh": _rowwise(lambda x: F.gelu(x, approximate="tanh")),
    "silu": _rowwise(F.silu),
    "softmax": _rowwise(lambda x: F.softmax(x, -1)),
    "sum": _rowwise(lambda x: x.sum(0)),
    "crossEntropy": _cross_entropy,
    "linearCrossEntropy": _linear_cross_entropy,
    "embedding": _embedding,
    "dropout": _dropout,
    "addBias": _add_bias,
    "splitHeads": _split_heads,
    "conv2d": _conv2d,
    "maxPool": _max_pool,
    "globalNorm": _global_norm,
    "adamW": _adam_w,
}


class Op:
    def __init__(self, task):
        self.inputs, self.forward = OPS[task["op"]](task["sizes"])
        self.backward = task["backward"]
        for tensor in self.inputs:
            tensor.requires_grad_(self.backward)
        with torch.no_grad():
            first = self.forward()
        self.results = [] if task["op"] == "dropout" else digest(first)
        if self.backward:
            self.output_gradient = pattern(first.shape, 7)
            self.step()
            if task["op"] != "dropout":
                self.results += [group for tensor in self.inputs for group in digest(tensor.grad)]

    def step(self):
        if not self.backward:
            with torch.no_grad():
                return self.forward()
        for tensor in self.inputs:
            tensor.grad = None
        self.forward().backward(self.output_gradient)
