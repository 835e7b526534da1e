"""What a job has finished, kept in its scratch folder as further names of the same files.

Snakemake removes the outputs of a job whose end it did not see, and those of all jobs of a group of
which one failed. Hours of training would go with them. A hard link takes no space while the output
is there, and brings it back where it was removed (choice of this project).
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from continual_vqa.errors import UserError
from continual_vqa.files.atomic import atomic_folder, atomic_path
from continual_vqa.files.hashing import sha256_file
from continual_vqa.files.jsons import read_json

FOLDER = "finished"
NOTE = "finished.json"


@dataclass(frozen=True, slots=True)
class Finished:
    """The outputs of one job, in the folder `finished` of its scratch folder.

    Attributes
    ----------
    scratch : the job's own scratch folder
    key : identifies the work, its code included; "": nothing is kept and nothing found
    """

    scratch: Path
    key: str

    def keep(self, outputs: Mapping[str, Path]) -> None:
        """Keep the outputs, by name, and nothing that was kept before.

        On a file system without hard links a line says that nothing is kept.
        """
        if not self.key:
            return
        note = {"key": self.key, "sha256": {n: sha256_file(p) for n, p in outputs.items()}}
        try:
            with atomic_folder(self.scratch / FOLDER) as folder:
                for name, path in outputs.items():
                    os.link(path, folder / name)
                (folder / NOTE).write_text(json.dumps(note))
        except UserError as error:
            print(f"finished outputs not kept: {error}", file=sys.stderr)

    def put_back(self, outputs: Mapping[str, Path]) -> bool:
        """Put the kept outputs of the same work to their places; False where there are none."""
        folder = self.scratch / FOLDER
        if not self.key or not (folder / NOTE).exists():
            return False
        try:
            note = read_json(folder / NOTE)
        except UserError as error:
            # Scratch may be damaged; the work itself can be done anew.
            print(f"finished outputs not used: {error}", file=sys.stderr)
            return False
        if not isinstance(note, dict) or note.get("key") != self.key:
            return False
        if note.get("sha256") != self._hashes(outputs):
            print(f"finished outputs not used: {folder} is damaged", file=sys.stderr)
            return False
        for name, path in outputs.items():
            with atomic_path(path) as temporary:
                shutil.copyfile(folder / name, temporary)
        # One file with two names again.
        self.keep(outputs)
        return True

    def _hashes(self, outputs: Mapping[str, Path]) -> dict[str, str]:
        there = [name for name in outputs if (self.scratch / FOLDER / name).is_file()]
        return {name: sha256_file(self.scratch / FOLDER / name) for name in there}
