"""Accounting for a test cluster: a MariaDB and slurmdbd on it, with one account, `lab`, for root.

Nearly every site has it, and the executor plugin asks it for accounts, and for job states while
slurmctld is silent.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

ACCOUNT = "lab"
SLURMDBD_CONF = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser=root
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database_port}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
"""
GRANTS = (
    "CREATE DATABASE slurm_acct_db; CREATE USER slurm@'127.0.0.1' IDENTIFIED BY 'slurm';"
    " GRANT ALL ON slurm_acct_db.* TO slurm@'127.0.0.1'"
)


def write_accounting(folder: Path, host: str, port: int, database_port: int) -> None:
    """Write slurmdbd.conf and an empty database."""
    conf = folder / "slurmdbd.conf"
    conf.touch(mode=0o600)
    conf.write_text(
        SLURMDBD_CONF.format(folder=folder, host=host, port=port, database_port=database_port)
    )
    subprocess.run(
        [
            "mariadb-install-db",
            "--no-defaults",
            "--user=root",
            f"--datadir={folder / 'mysql'}",
            "--skip-test-db",
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )


def database_command(folder: Path, port: int) -> Sequence[str]:
    """The call of the database server."""
    return (
        "mariadbd",
        "--no-defaults",
        "--user=root",
        f"--datadir={folder / 'mysql'}",
        "--bind-address=127.0.0.1",
        f"--port={port}",
        f"--socket={socket_of(folder)}",
        f"--pid-file={folder / 'mariadb.pid'}",
        "--innodb-buffer-pool-size=64M",
        "--innodb-lock-wait-timeout=900",
        "--innodb-log-file-size=16M",
        "--innodb-flush-log-at-trx-commit=2",
        "--skip-name-resolve",
        "--skip-log-bin",
    )


def socket_of(folder: Path) -> Path:
    return folder / "mariadb.socket"


def database_up(folder: Path) -> bool:
    ping = ("mariadb-admin", "--no-defaults", f"--socket={socket_of(folder)}", "ping")
    return subprocess.run(ping, capture_output=True, timeout=30, check=False).returncode == 0


def grant(folder: Path) -> None:
    """Let slurmdbd in."""
    client = ("mariadb", "--no-defaults", f"--socket={socket_of(folder)}", "-e", GRANTS)
    subprocess.run(client, check=True, capture_output=True, timeout=60)
