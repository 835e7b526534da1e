"""What this machine runs and listens to, from /proc."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def processes(name: str) -> list[int]:
    """Ids of the processes whose command line begins with `name`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (folder / "cmdline").read_bytes().startswith(name.encode()):
                found.append(int(folder.name))
    return found


def open_files(pid: int) -> set[str]:
    """Paths of what a process has open."""
    found = set()
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                found.add(str(link.readlink()))
    return found


def descendants(pid: int) -> list[int]:
    """Children of a process, their children, and so on, the youngest first."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [*descendants(child), child]
    return found
