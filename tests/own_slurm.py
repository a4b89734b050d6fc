"""A Slurm of one node on this machine, with a key, ports and folders of its own."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol")

CONFIGURATION = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,batch_sched_delay=0
MinJobAge=300
EnforcePartLimits=ALL
KillWait=5
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={megabytes}
PartitionName=all Nodes={host} Default=YES MaxTime={minutes} State=UP
"""


def missing() -> str:
    """Say why there can be no Slurm here; "" where there can."""
    absent = [name for name in PROGRAMS if not shutil.which(name, path=_path())]
    if absent:
        return f"no Slurm is installed (apt-get install slurm-wlm munge): {', '.join(absent)}"
    return "" if os.geteuid() == 0 else "to start a Slurm takes root"


class Slurm:
    """Daemons that run until `stop`; `environment` is that of the commands that use them."""

    def __init__(self, folder: Path, cores: int = 4, minutes: int = 600) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        folder.chmod(0o755)
        for name in ("state", "spool"):
            (folder / name).mkdir()
        self.configuration = folder / "slurm.conf"
        self.configuration.write_text(
            CONFIGURATION.format(
                folder=folder, host=socket.gethostname().partition(".")[0], ports=_free_ports(),
                cores=cores, minutes=minutes, megabytes=psutil.virtual_memory().total // 2**20,
            ),
            encoding="utf-8",
        )  # fmt: skip
        self.environment = {
            **os.environ,
            "PATH": os.pathsep.join([str(folder / "bin"), _path()]),
            "SLURM_CONF": str(self.configuration),
        }
        self._write_srun()
        self._daemons: dict[str, subprocess.Popen] = {}
        key = folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        self.start(
            "munged", "--foreground", "--force", f"--socket={folder}/munge.socket",
            f"--key-file={key}", f"--pid-file={folder}/munged.pid",
            f"--seed-file={folder}/munge.seed", f"--log-file={folder}/munged.log",
        )  # fmt: skip
        self._wait(lambda: (folder / "munge.socket").exists())
        self.start("slurmctld", "-D", "-c")
        self.start("slurmd", "-D")
        self._wait(lambda: self.said("sinfo", "--noheader", "--format=%T").strip() == "idle")

    def _write_srun(self) -> None:
        """Let `srun` know the configuration: Snakemake's plugin takes all of SLURM_… from it."""
        script = self.folder / "bin" / "srun"
        script.parent.mkdir()
        program = shutil.which("srun", path=_path())
        script.write_text(f'#!/bin/sh\nSLURM_CONF={self.configuration} exec {program} "$@"\n')
        script.chmod(0o755)

    def start(self, program: str, *words: str) -> None:
        """Start a daemon."""
        with open(self.folder / f"{program}.out", "ab") as said:
            self._daemons[program] = subprocess.Popen(
                [program, *words], env=self.environment, stdout=said, stderr=said,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def said(self, *command: str) -> str:
        """Give what a command of Slurm's writes; "" while it fails."""
        ended = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False
        )
        return "" if ended.returncode else ended.stdout

    def jobs(self) -> dict[str, str]:
        """Map the number of each job that there is or was to its state."""
        lines = self.said("squeue", "--noheader", "--states=all", "--format=%i %T").splitlines()
        return dict(line.split() for line in lines)

    def stop(self) -> None:
        """End all jobs and daemons."""
        self.said("scancel", "--signal=KILL", "--full", "--user=root")
        self.said("scancel", "--user=root")
        for daemon in reversed(self._daemons.values()):
            daemon.terminate()
        for daemon in self._daemons.values():
            daemon.wait(30)

    def _wait(self, settled: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not settled():
            if time.monotonic() > deadline:
                logs = [path.read_text("utf-8", "replace") for path in self.folder.glob("*.out")]
                raise TimeoutError("\n".join(logs))
            time.sleep(0.1)


def _path() -> str:
    """Give where programs lie, daemons too."""
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def _free_ports() -> list[int]:
    """Find two ports that nobody listens at now."""
    sockets = [socket.socket() for _ in range(2)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
