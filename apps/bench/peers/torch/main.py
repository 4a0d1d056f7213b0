"""PyTorch's side: told on standard input what to prepare and what to time, it answers in JSON lines (see src/harness/tasks.ts)."""

import argparse
import json
import os
import sys
import time
import warnings
from importlib.metadata import PackageNotFoundError, version

# Standard output is for answers; whatever a library prints goes to standard error.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
os.environ["HF_HUB_OFFLINE"] = "1"
warnings.filterwarnings("ignore")
# Only for the export to ONNX, where Python doesn't have it: installed by the bench.
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".python"))

try:
    import torch
except ImportError:
    sys.exit("python3 has no torch")

import device
from models import Inference, export
from ops import Op
from products import Matmul
from training import Training, measure_memory

arguments = argparse.ArgumentParser()
arguments.add_argument("threads", type=int)
arguments.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
arguments.add_argument("--autocast", choices=["bfloat16", "float16"])
arguments = arguments.parse_args()
torch.set_num_threads(arguments.threads)
try:
    device.choose(arguments.device, arguments.autocast)
except RuntimeError as error:
    sys.exit(str(error))
KINDS = {"matmul": Matmul, "ops": Op, "train": Training, "infer": Inference}
tasks = {}


def run(task, times, repeats):
    measured, losses = [], []
    for _ in range(times):
        start = time.perf_counter()
        for _ in range(repeats):
            result = task.step()
        device.wait()
        measured.append((time.perf_counter() - start) * 1000 / repeats)
        if isinstance(result, float):
            losses.append(result)
    return {"times": measured, "losses": losses}


def serve(request):
    kind, key = request["request"], request.get("key")
    if kind == "prepare":
        tasks[key] = KINDS[request["task"]["suite"]](request["task"])
        return {"results": tasks[key].results}
    if kind == "run":
        return run(tasks[key], request["times"], request["repeats"])
    if kind == "drop":
        tasks.pop(key, None)
        return {}
    if kind == "memory":
        return measure_memory(request["task"], request["steps"], request.get("warmUp"))
    if kind == "export":
        return export(request["task"])
    raise ValueError(f"there is no request {kind}")


def answer(value):
    answers.write(json.dumps(value, allow_nan=False) + "\n")
    answers.flush()


versions = {"python": sys.version.split()[0], "torch": torch.__version__}
try:
    versions["transformers"] = version("transformers")
except PackageNotFoundError:
    pass
answer({"versions": versions, "note": device.describe()})
for line in sys.stdin:
    try:
        answer(serve(json.loads(line)))
    except Exception as error:
        first = str(error).strip().split("\n")[0]
        answer({"error": f"{type(error).__name__}: {first[:200]}"})
