"""What a Slurm cluster needs of its machine: packages, ports, cgroups, hold of processes."""

__all__ = [
    "CGROUPS",
    "PATH",
    "Unavailable",
    "born",
    "cgroups_writable",
    "install",
    "program",
    "remove_cgroups",
    "reserve_ports",
]

import os
import shutil
import socket
import subprocess
import tempfile
import time

from pathlib import Path

from filelock import FileLock, Timeout

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "slurmdbd", "sacct", "mariadbd")
PACKAGES = (
    *("munge", "slurmctld", "slurmd", "slurm-client", "slurmdbd", "slurm-wlm-mysql-plugin"),
    *("mariadb-server-core", "mariadb-client-core"),
)
CGROUPS = Path("/sys/fs/cgroup")
BLOCK = 20  # ports of a cluster, of which it uses three and one for each node
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"


class Unavailable(Exception):  # noqa: N818 - a reason to skip, not an error
    """This machine cannot have a cluster, and why."""


def install() -> None:
    """Installs the Debian packages that are missing, without starting their services.

    Raises:
        Unavailable: If this is not root on a Debian with these packages.
    """
    if os.getuid():
        raise Unavailable("a Slurm cluster starts jobs for others, which takes root")
    if all(shutil.which(name, path=PATH) for name in PROGRAMS):
        return
    if not shutil.which("apt-get"):
        raise Unavailable("Slurm is not installed, and there is no apt-get to install it with")
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    command = ("apt-get", "install", "-y", "--no-install-recommends", *PACKAGES)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    quiet = {"env": environment, "capture_output": True, "text": True}
    try:
        done = subprocess.run(command, **quiet)
        if done.returncode:
            subprocess.run(("apt-get", "update"), **quiet)
            done = subprocess.run(command, **quiet)
    finally:
        if ours:
            policy.unlink()
    if done.returncode:
        raise Unavailable(f"apt-get could not install Slurm: {done.stderr.strip()[-500:]}")


def cgroups_writable() -> bool:
    """Whether jobs can be held in cgroups of version 1."""
    try:
        for kind in ("freezer", "memory"):
            probe = CGROUPS / kind / f"galerne{os.getpid()}"
            probe.mkdir()
            probe.rmdir()
    except OSError:
        return False
    return CGROUPS.joinpath("freezer", "cgroup.procs").exists()


def remove_cgroups(node: str) -> None:
    """Removes the empty cgroups that a node leaves behind."""
    for top in CGROUPS.glob(f"*/slurm_{node}"):
        for folder, _, _ in os.walk(top, topdown=False):
            for _ in range(50):
                try:
                    os.rmdir(folder)
                    break
                except OSError:  # what was killed is not gone yet
                    time.sleep(0.1)


def reserve_ports(
    count: int, first: int = 21_000, last: int = 30_000
) -> tuple[list[int], FileLock]:
    """Returns consecutive ports that nobody listens on, and the lock that keeps others off them.

    A port whose daemon was killed for a test looks free to others, so each takes a whole block.
    """
    for start in range(first, last, BLOCK):
        lock = FileLock(Path(tempfile.gettempdir()) / f"galerne-ports-{start}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            continue
        ports = list(range(start, start + count))
        if all(is_free(port) for port in ports):
            return ports, lock
        lock.release()
    raise Unavailable(f"no {count} free ports between {first} and {last}")


def is_free(port: int) -> bool:
    """Whether a port of the loopback interface can be listened on."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def born(pid: int) -> str | None:
    """When a process started, in ticks since boot; ``None`` if it is dead."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def program(pid: int) -> str:
    """The name of the program that a process runs."""
    try:
        return Path(f"/proc/{pid}/exe").readlink().name
    except OSError:
        return ""
