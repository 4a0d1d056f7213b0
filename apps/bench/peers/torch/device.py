"""What PyTorch computes on, and how precisely: the same for everything in a process."""

import contextlib

import torch

_device = torch.device("cpu")
_autocast = None


def choose(name, autocast=None):
    """`cpu` or `cuda`; with `autocast`, mixed precision: products and attention in that type, weights and their update in float32."""
    global _device, _autocast
    if name == "cuda":
        if not torch.cuda.is_available():
            raise RuntimeError("PyTorch finds no CUDA device here")
        # float32 is float32: no TF32 in products and convolutions
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
    _device, _autocast = torch.device(name), autocast


def place(x):
    """A tensor or a module, on the device."""
    return x.to(_device)


def precision():
    """The context that forward passes run in."""
    return torch.autocast(_device.type, dtype=getattr(torch, _autocast)) if _autocast else contextlib.nullcontext()


def operand(x):
    """A tensor on the device, stored in the type that products are computed in."""
    return place(x).to(getattr(torch, _autocast)) if _autocast else place(x)


def is_cuda():
    return _device.type == "cuda"


def wait():
    """Until everything that was asked of the device is done."""
    if is_cuda():
        torch.cuda.synchronize()


def describe():
    """In words; nothing of the processor, which the bench describes itself."""
    return f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}" if is_cuda() else ""
