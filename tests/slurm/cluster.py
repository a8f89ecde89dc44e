"""A real, throw-away Slurm cluster of three virtual nodes on one Debian machine.

munged, MariaDB, slurmdbd, slurmctld and one slurmd per node listen on ports of their own on the
loopback interface, and keep their state in one folder, so several clusters can run side by side.
What a node claims to have (cores, memory, a GPU of type toy) is what Slurm schedules; the cores
and memory of the machine are shared. Jobs are held in cgroups where version 1 is writable, as on
a real cluster; elsewhere processes are followed through /proc and memory is polled.

Partitions: ``cpu`` (default) and ``gpu`` are never preempted, and preempt the jobs of
``preempt``, which go back into the queue; ``short`` has a time limit of one minute.

    python -m tests.slurm.cluster up [FOLDER]
    eval "$(python -m tests.slurm.cluster env [FOLDER])"
    python -m tests.slurm.cluster down [FOLDER]
"""

__all__ = ["Cluster"]

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from tests.slurm.machine import (
    CGROUPS,
    PATH,
    born,
    cgroups_writable,
    install,
    program,
    remove_cgroups,
    reserve_ports,
)

NAME = "galerne"
ONE_AT_A_TIME = Path(tempfile.gettempdir()) / f"{NAME}-slurm.lock"

CONFIGURATION = """\
ClusterName={name}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# cred_expire is also how long a job waits after it was put back into the queue
AuthInfo=socket={folder}/munge.sock,cred_expire={requeue_seconds}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
MpiDefault=none
MailProg=/bin/true
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/spool/%n.pid
PlugStackConfig={folder}/plugstack.conf
ProctrackType={proctrack}
TaskPlugin={task}
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams={gather}
SlurmdParameters=config_overrides
ReturnToService=2
SchedulerParameters=sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
KillWait={kill_seconds}
MinJobAge=300
SlurmctldTimeout=10
SlurmdTimeout={lost_seconds}
InactiveLimit=0
Waittime=0
GresTypes=gpu
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={ports[1]}
AccountingStoragePass={folder}/munge.sock
AccountingStorageTRES=gres/gpu,gres/gpu:toy
AccountingStoreFlags=job_comment
"""

PARTITIONS = """\
PartitionName=DEFAULT Nodes=ALL DefaultTime=10 MaxTime=1-0 PriorityTier=10 PreemptMode=OFF
PartitionName=cpu Default=YES
PartitionName=gpu
PartitionName=short MaxTime=1
PartitionName=preempt PriorityTier=1 PreemptMode=REQUEUE GraceTime={grace_seconds}
"""

NODE = (
    "NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} Sockets=1 "
    "CoresPerSocket={cores} ThreadsPerCore=1 RealMemory={memory_mb} Gres=gpu:toy:1\n"
)

ACCOUNTING = """\
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={ports[1]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={ports[2]}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm
CommitDelay=1
"""

GRANTS = """\
CREATE DATABASE slurm; CREATE USER slurm@localhost IDENTIFIED BY 'slurm';
CREATE USER slurm@'127.0.0.1' IDENTIFIED BY 'slurm';
GRANT ALL ON slurm.* TO slurm@localhost; GRANT ALL ON slurm.* TO slurm@'127.0.0.1';
"""


MUNGE_FILES = {
    "key-file": "key",
    "socket": "sock",
    "pid-file": "pid",
    "seed-file": "seed",
    "log-file": "log",
}


class Cluster:
    """A cluster below one folder.

    Arguments:
        folder: Where its state lives, at most 50 characters; made by :meth:`up`.
        nodes: Virtual nodes.
        cores: What each claims to have.
        memory_mb: What each claims to have [MB].
        requeue_seconds: How long a job that was put back waits before it may start again [s],
            at least 5.
        grace_seconds: Between SIGTERM and SIGKILL at preemption [s].
        kill_seconds: The same at the time limit and at scancel [s].
        lost_seconds: Silence after which a node counts as down [s].
        cgroups: Whether to hold jobs in cgroups; ``None``: where it can be done.
    """

    def __init__(
        self,
        folder: Path,
        *,
        nodes: int = 3,
        cores: int = 2,
        memory_mb: int = 32_000,
        requeue_seconds: int = 5,
        grace_seconds: int = 15,
        kill_seconds: int = 15,
        lost_seconds: int = 6,
        cgroups: bool | None = None,
    ) -> None:
        if len(str(folder)) > 50:
            raise ValueError(f"{folder} is too long for the names of unix sockets")
        self.folder, self.count = folder, nodes
        self.settings = {
            "cores": cores,
            "memory_mb": memory_mb,
            "requeue_seconds": requeue_seconds,
            "grace_seconds": grace_seconds,
            "kill_seconds": kill_seconds,
            "lost_seconds": lost_seconds,
        }
        self.cgroups = cgroups
        self.reserved: FileLock | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find this cluster, and no other."""
        own = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "SBATCH"))}
        return own | {"SLURM_CONF": f"{self.folder}/slurm.conf", "PATH": PATH, "LC_ALL": "C"}

    @property
    def nodes(self) -> list[str]:
        """The names of the nodes."""
        return json.loads((self.folder / "nodes.json").read_text())

    def ask(self, *command: str, seconds: float = 60.0) -> str:
        """Runs a command against this cluster and returns what it says.

        Raises:
            RuntimeError: If it fails, with its message.
        """
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=seconds
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")
        return done.stdout.strip(" \n")  # an empty last column stays

    def up(self) -> None:
        """Installs what is missing, starts every daemon, and waits until the nodes are idle.

        Raises:
            Unavailable: If this machine cannot have a cluster.
            RuntimeError: If a daemon does not start, with the end of its log.
        """
        with FileLock(ONE_AT_A_TIME):
            install()
            if self.folder.exists():
                self.down()
            for name in ("log", "state", "spool", "sql", "pids"):
                (self.folder / name).mkdir(parents=True, mode=0o755)
            ports, self.reserved = reserve_ports(3 + self.count)
            self._configure(ports)
            self._start_accounting(ports[2])
            self._start("slurmctld", "slurmctld", "-D", "-c")
            self._await("slurmctld", lambda: "UP" in self.ask("scontrol", "ping"))
            for node in self.nodes:
                self.start_node(node)
        for node in self.nodes:
            self._await(node, lambda node=node: self.node_state(node) == "idle")

    def down(self) -> None:
        """Stops every daemon and job of this cluster, and removes its folder."""
        for name in sorted(p.name for p in (self.folder / "pids").glob("*")):
            if name.startswith(("slurm", NAME)):
                self._stop(name, signal.SIGKILL if name.startswith(NAME) else signal.SIGTERM)
        self._kill(lambda environment: True)
        if (self.folder / "nodes.json").exists():
            for node in self.nodes:
                remove_cgroups(node)
        for name in ("mariadbd", "munged"):
            self._stop(name, signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.reserved:
            self.reserved.release()

    def start_node(self, node: str) -> None:
        """Starts the slurmd of a node."""
        (self.folder / "spool" / node).mkdir(exist_ok=True)
        self._start(node, "slurmd", "-D", "-N", node)

    def lose_node(self, node: str) -> None:
        """Takes a node down at once: its slurmd, and every process of its jobs."""
        self._stop(node, signal.SIGKILL)
        self._kill(lambda environment: environment.get("SLURMD_NODENAME") == node)

    def node_state(self, node: str) -> str:
        """The state of a node, as sinfo says it: idle, mix, alloc, down*, ..."""
        return self.ask("sinfo", "-h", "-p", "cpu", "-n", node, "-o", "%t")

    def processes(self, job: str) -> list[int]:
        """Every process that a job runs, but for Slurm's own."""
        return [
            pid
            for pid, environment in self._living()
            if environment.get("SLURM_JOB_ID") == job and not program(pid).startswith("slurm")
        ]

    def _configure(self, ports: list[int]) -> None:
        held = self.cgroups if self.cgroups is not None else cgroups_writable()
        host, first = socket.gethostname().split(".")[0], ports[3]
        nodes = [f"{NAME}{first}x{k}" for k in range(1, self.count + 1)]
        (self.folder / "nodes.json").write_text(json.dumps(nodes))
        values = self.settings | {
            "name": NAME,
            "host": host,
            "folder": self.folder,
            "ports": ports,
            "proctrack": "proctrack/cgroup" if held else "proctrack/linuxproc",
            "task": "task/cgroup" if held else "task/none",
            "gather": "UsePss" if held else "UsePss,OverMemoryKill",
        }
        lines = [NODE.format(node=n, port=first + k, **values) for k, n in enumerate(nodes)]
        limits = "ConstrainRAMSpace=yes\nAllowedSwapSpace=0\n" if held else ""
        files = {
            "slurm.conf": "".join([CONFIGURATION, *lines, PARTITIONS]).format(**values),
            "plugstack.conf": "",
            "slurmdbd.conf": ACCOUNTING.format(**values),
            "cgroup.conf": f"CgroupPlugin=cgroup/v1\nCgroupMountpoint={CGROUPS}\n{limits}",
            "gres.conf": "".join(
                f"NodeName={node} Name=gpu Type=toy File={self.folder}/gpu0\n" for node in nodes
            ),
        }
        for name, content in files.items():
            path = self.folder / name
            path.touch(0o600)
            path.write_text(content)
        # A character device is all that Slurm asks of a GPU.
        (self.folder / "gpu0").symlink_to("/dev/null")
        (self.folder / "munge.key").touch(0o600)
        (self.folder / "munge.key").write_bytes(os.urandom(1024))

    def _start_accounting(self, port: int) -> None:
        folder, data = self.folder, f"--datadir={self.folder / 'sql'}"
        munge = [f"--{k}={folder}/munge.{v}" for k, v in MUNGE_FILES.items()]
        self._start("munged", "munged", "--foreground", "--force", *munge)
        self._await("munged", lambda: self.ask("munge", "-n", "-S", f"{folder}/munge.sock"))
        plain = ("--skip-test-db", "--auth-root-authentication-method=normal")
        self.ask("mariadb-install-db", "--no-defaults", "--user=root", data, *plain)
        sql = f"--socket={folder}/sql.sock"
        own = (f"--port={port}", "--bind-address=127.0.0.1", f"--pid-file={folder}/sql.pid")
        quick = ("--innodb-flush-log-at-trx-commit=0", "--innodb-lock-wait-timeout=900")
        self._start(
            "mariadbd", "mariadbd", "--no-defaults", "--user=root", data, sql, *own, *quick
        )
        client = ("mariadb", "--no-defaults", "-uroot", sql, "-e")
        self._await("mariadbd", lambda: self.ask(*client, "SELECT 1"))
        self.ask(*client, GRANTS)
        self._start("slurmdbd", "slurmdbd", "-D")
        self._await("slurmdbd", lambda: self.ask("sacctmgr", "-n", "-i", "add", "cluster", NAME))
        self.ask("sacctmgr", "-i", "add", "account", NAME)
        self.ask("sacctmgr", "-i", "add", "user", "root", f"account={NAME}")

    def _start(self, name: str, *command: str) -> None:
        # A node is told from the others by this variable, which its jobs inherit.
        node = {"SLURMD_NODENAME": name} if name.startswith(NAME) else {}
        with (self.folder / "log" / name).open("ab") as log:
            process = subprocess.Popen(
                command,
                env=self.environment | node,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        known = {"pid": process.pid, "born": born(process.pid)}
        (self.folder / "pids" / name).write_text(json.dumps(known))

    def _stop(self, name: str, how: int, seconds: float = 20.0) -> None:
        path = self.folder / "pids" / name
        if not path.exists():
            return
        known, end = json.loads(path.read_text()), time.monotonic() + seconds
        while born(known["pid"]) == known["born"]:
            os.kill(known["pid"], how if time.monotonic() < end else signal.SIGKILL)
            time.sleep(0.1)
        with suppress(ChildProcessError):
            os.waitpid(known["pid"], 0)
        path.unlink()

    def _kill(self, chosen: Callable[[dict[str, str]], bool]) -> None:
        """Kills jobs, and the Slurm processes beside them, by what they have inherited."""
        while found := [pid for pid, environment in self._living() if chosen(environment)]:
            for pid in found:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)

    def _living(self) -> Iterator[tuple[int, dict[str, str]]]:
        own = f"SLURM_CONF={self.folder}/slurm.conf"
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                lines = path.read_text(errors="replace").split("\0")
            except OSError:
                continue
            environment = dict(line.split("=", 1) for line in lines if "=" in line)
            if own in lines and {"SLURM_JOB_ID", "SLURMD_NODENAME"} & set(environment):
                yield int(path.parent.name), environment

    def _await(self, name: str, ready: Callable[[], object], seconds: float = 60.0) -> None:
        end, said = time.monotonic() + seconds, ""
        while time.monotonic() < end:
            try:
                if ready():
                    return
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                said = str(error)
            time.sleep(0.2)
        log = (self.folder / "log" / name).read_text(errors="replace").splitlines()
        raise RuntimeError(f"{name} does not answer: {said}\n" + "\n".join(log[-20:]))


def main(action: str, folder: str = f"/tmp/{NAME}-slurm") -> None:
    """Starts or stops a cluster, or prints what a shell needs to use it."""
    cluster = Cluster(Path(folder))
    if action == "up":
        cluster.up()
        print(f"{len(cluster.nodes)} nodes are up; their state is in {folder}")
    elif action == "down":
        cluster.down()
    elif action == "env":
        print(f"export SLURM_CONF={folder}/slurm.conf")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["help"]))
