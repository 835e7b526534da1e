"""`python -m continual_vqa` is the same as the `continual-vqa` command."""

from continual_vqa.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
