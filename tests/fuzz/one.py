"""Fuzz one reader for some seconds, with atheris where it is installed: `python -m fuzz.one`.

What a reader raises that is no `UserError` is kept, once for each place in the code, as a file
named by that place; fuzzing then goes on. A hang or a crash ends the process, and `fuzz.run` says
so.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

from fuzz.mutation import TOKENS, mutated
from fuzz.targets import TARGETS, Target

# Bytes of an input: enough for every seed, few enough for many tries.
MAX_LENGTH = 200_000
_QUICK = Path("/dev/shm")
# A busy machine is no finding.
HANG_SECONDS = 60
MEMORY_MB = 3_000


class Session:
    """One target, its folder, and what was found."""

    def __init__(self, target: Target, findings: Path) -> None:
        self.target, self.findings = target, findings
        self.folder = Path(
            tempfile.mkdtemp(prefix="fuzz-", dir=_QUICK if _QUICK.is_dir() else None)
        )
        self.executions = 0
        self.found: dict[str, str] = {}

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def try_one(self, content: bytes) -> None:
        """Give the reader one file; keep it if what is raised is new."""
        self.executions += 1
        try:
            self.target.take(content, self.folder)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            own = [frame for frame in frames if "continual_vqa" in frame.filename] or frames
            place = f"{type(error).__name__} {Path(own[-1].filename).name}:{own[-1].name}"
            if place not in self.found:
                name = hashlib.sha256(place.encode()).hexdigest()[:12]
                self.findings.mkdir(parents=True, exist_ok=True)
                (self.findings / name).write_bytes(content)
                self.found[place] = f"{name}: {str(error)[:200]}"
                print(f"finding: {place}: {error!s:.300}", file=sys.stderr, flush=True)


def main() -> None:
    """Fuzz the target for the seconds; print executions and findings as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--findings", type=Path, required=True)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    args.findings.parent.mkdir(parents=True, exist_ok=True)
    target = TARGETS[args.target]
    session = Session(target, args.findings)
    kept = Path(__file__).parent / "corpus" / args.target
    seeds = [*target.seeds(), *(path.read_bytes() for path in sorted(kept.glob("*")))]
    try:
        import atheris
    except ImportError:
        engine = "mutation"
        _mutate(session, seeds, args.seconds, random.Random(args.seed))
        _report(session, engine)
        return
    with tempfile.TemporaryDirectory(prefix="fuzz-corpus-") as name:
        corpus = Path(name)
        for number, seed in enumerate(seeds):
            (corpus / str(number)).write_bytes(seed)
        words = corpus.with_name(corpus.name + ".dict")
        words.write_text("".join(f'"{_escaped(token)}"\n' for token in TOKENS))
        # What is imported for the first time within is instrumented.
        with atheris.instrument_imports(include=["continual_vqa", "yaml", "zipfile", "gzip"]):
            for seed in seeds:
                session.try_one(seed)
        deadline = time.monotonic() + args.seconds

        def test_one(content: bytes) -> None:
            session.try_one(content)
            if time.monotonic() > deadline:
                words.unlink()
                _report(session, "atheris")
                sys.stdout.flush()
                # libFuzzer ends the process without Python's own end.
                import os

                os._exit(0)

        options = [
            f"-timeout={HANG_SECONDS}", f"-rss_limit_mb={MEMORY_MB}", f"-max_len={MAX_LENGTH}",
            f"-dict={words}", f"-artifact_prefix={args.findings}-", f"-seed={args.seed}",
            "-verbosity=0", "-print_final_stats=0",
        ]  # fmt: skip
        atheris.Setup([sys.argv[0], *options, str(corpus)], test_one)
        atheris.Fuzz()


def _mutate(session: Session, seeds: list[bytes], seconds: int, rng: random.Random) -> None:
    deadline = time.monotonic() + seconds
    for seed in seeds:
        session.try_one(seed)
    while time.monotonic() < deadline:
        session.try_one(mutated(rng.choice(seeds), seeds, rng)[:MAX_LENGTH])


def _escaped(token: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in token)


def _report(session: Session, engine: str) -> None:
    report = {"engine": engine, "executions": session.executions, "findings": session.found}
    print(json.dumps(report))
    session.close()


if __name__ == "__main__":
    main()
