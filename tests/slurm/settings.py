"""The files of a test cluster: slurm.conf, gres.conf, the munge key, devices in place of GPUs."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path

GPUS = 4
GPU_TYPE = "h200"

# Short times, because a test wants the answer now. Memory is watched by polling (no control groups,
# which a container may not have): a job over its request is killed within about a second.
SLURM_CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10
CredType=cred/munge
SlurmctldPort={port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
PlugStackConfig={folder}/plugstack.conf
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePass={folder}/munge.socket
AccountingStoragePort={accounting_port}
AccountingStorageTRES=gres/gpu
MpiDefault=none
SwitchType=switch/none
MailProg=/bin/true
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SchedulerParameters=bf_interval=2,sched_interval=2,batch_sched_delay=0,sched_min_interval=100000
SlurmdTimeout=15
SlurmctldTimeout=30
ReturnToService=2
KillWait=5
MinJobAge=600
JobRequeue=1
RebootProgram=/bin/true
PropagateResourceLimits=NONE
PartitionName=cpu Nodes=cpu[1-2] Default=YES MaxTime=1-0 DefMemPerCPU=500 State=UP
PartitionName=gpu Nodes=gpu[1-2] MaxTime=1-0 DefMemPerCPU=500 State=UP
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=8 RealMemory=16000"
    "{gres} State=UNKNOWN\n"
)


def host_name() -> str:
    return socket.gethostname().split(".")[0]


def write_settings(folder: Path, nodes: Sequence[str], ports: Sequence[int]) -> None:
    """Write them into `folder`; `ports` are for the controller, accounting and then each node."""
    host = host_name()
    text = SLURM_CONF.format(folder=folder, host=host, port=ports[0], accounting_port=ports[1])
    for name, port in zip(nodes, ports[2:], strict=True):
        gres = f" Gres=gpu:{GPU_TYPE}:{GPUS}" if name.startswith("gpu") else ""
        text += NODE.format(name=name, host=host, port=port, gres=gres)
        (folder / f"spool-{name}").mkdir()
    (folder / "state").mkdir()
    (folder / "slurm.conf").write_text(text)
    (folder / "plugstack.conf").write_text("")
    for index in range(GPUS):
        # A character device, or jobs get no CUDA_VISIBLE_DEVICES: null's numbers.
        os.mknod(folder / f"gpu{index}", 0o020666, os.makedev(1, 3))
    (folder / "gres.conf").write_text(
        f"NodeName=gpu[1-2] Name=gpu Type={GPU_TYPE} File={folder}/gpu[0-{GPUS - 1}]\n"
    )
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(1024))
