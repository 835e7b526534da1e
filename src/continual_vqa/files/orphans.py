"""Whether the workflow that started this process has died, and no longer knows of it.

A Snakemake that is killed leaves its jobs running. The next run starts the same jobs again, perhaps
with other settings: what the old ones would still write must not take the place of that.
"""

from __future__ import annotations

import os
from pathlib import Path

# "<process of the job's shell> <process of its Snakemake> <node>"; the rules set it.
VARIABLE = "CONTINUAL_VQA_STARTED_BY"
# States of a process that has ended but that nobody has asked for yet.
_DEAD = "ZX"


def orphaned() -> bool:
    """Whether the job's shell, or the Snakemake that started it, is gone.

    False where that cannot be told: without /proc, on another node than that of the shell, and for
    a process that no rule started.
    """
    shell, parent, node = os.environ.get(VARIABLE, "- - -").split()
    if node != os.uname().nodename or not Path("/proc/self/stat").exists():
        return False
    try:
        fields = Path(f"/proc/{shell}/stat").read_text()
    except OSError:
        return True
    # The command's name stands in parentheses and may hold any character; then state and parent.
    state, its_parent = fields.rpartition(")")[2].split()[:2]
    return state in _DEAD or its_parent != parent
