"""`python -m continual_vqa` is the same as the `continual-vqa` command, and may be started warm."""

import sys

from continual_vqa.cli import TORCH, main
from continual_vqa.warm.job import ask

if __name__ == "__main__":
    words = sys.argv[1:]
    code = ask(words) if not TORCH.isdisjoint(words[:1]) else None
    raise SystemExit(main(words) if code is None else code)
