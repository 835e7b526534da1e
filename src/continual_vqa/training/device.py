"""The device and the threads of a job."""

from __future__ import annotations

import torch

from continual_vqa.errors import UserError

DEVICES = ("auto", "cpu", "cuda")


def prepare(threads: int, device: str) -> torch.device:
    """Set the number of threads; return the device ("auto": a GPU where there is one).

    Raises
    ------
    UserError : "cuda" is asked for on a machine without a usable GPU
    """
    torch.set_num_threads(threads)
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise UserError(
            "no GPU can be used", where="--device", expected="a GPU that torch sees", do="use auto"
        )
    return torch.device("cuda" if available and device != "cpu" else "cpu")
