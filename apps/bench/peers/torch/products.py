"""Matrix products."""

import torch
from device import operand
from pattern import digest, pattern


class Matmul:
    def __init__(self, task):
        m, k, n = task["m"], task["k"], task["n"]
        batches = [task["batch"]] if "batch" in task else []
        first = [k, m] if task.get("transposeA") else [m, k]
        second = [n, k] if task.get("transposeB") else [k, n]
        self.sets = []
        for i in range(task.get("operandSets", 1)):
            a, b = operand(pattern(batches + first, 2 * i)), operand(pattern(batches + second, 2 * i + 1))
            a = a.transpose(-1, -2) if task.get("transposeA") else a
            b = b.transpose(-1, -2) if task.get("transposeB") else b
            self.sets.append((a, b))
        self.turn = 0
        self.results = digest(self.step())
        self.turn = 0

    def step(self):
        a, b = self.sets[self.turn % len(self.sets)]
        self.turn += 1
        with torch.no_grad():
            return torch.matmul(a, b)
