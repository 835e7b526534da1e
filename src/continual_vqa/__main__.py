"""`python -m continual_vqa` is the same as the `continual-vqa` command, and may be started warm."""

import sys

from continual_vqa.warm.job import ask

if __name__ == "__main__":
    code = ask(sys.argv[1:])
    if code is None:
        from continual_vqa.cli import main

        code = main(sys.argv[1:])
    raise SystemExit(code)
