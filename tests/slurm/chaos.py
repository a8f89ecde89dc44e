"""The pipeline on a cluster where every few seconds something is killed.

Until the kills are done, or the pipeline has come to its report often enough, a random victim is
killed with SIGKILL every few seconds: a job (its processes, or by way of Slurm), a worker (slurmd
and its jobs; it comes back), or the controller, which is then started again as a user would. Jobs
are put back with `scontrol requeue`, too. After each report every product is compared with those
of a run that nothing disturbed, and thrown away. No two jobs may do the same thing at once.

    python -m tests.slurm.chaos [--kills 100] [--finishes 20] [--seed 0] [--overlay FILE]
"""

__all__ = ["Chaos"]

import argparse
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

from tests.slurm.checkout import TINY, Checkout, Queued
from tests.slurm.cluster import Cluster
from tests.slurm.disturbed import kill_processes

# Seconds between kills. A job takes about ten and up to six run at once, so that of those most
# come through; at half of this the trainings still do, a step at a time, but little else.
PAUSE = (4.0, 12.0)
AWAY = (1.0, 12.0)  # of a worker [s]: some come back before Slurm has missed them
HUNG = 900.0  # without any job that ends [s]
WEIGHTS = {"job": 4, "scancel": 1, "requeue": 2, "worker": 2, "controller": 3}


class HarmError(Exception):
    """Something that chaos may not do to a pipeline."""


class Chaos:
    """One pipeline under fire.

    Arguments:
        checkout: Where it runs.
        reference: A finished run that nothing disturbed.
        kills: How many at most.
        finishes: How many reports at most.
        seed: Of victims and pauses.
    """

    def __init__(
        self, checkout: Checkout, reference: Checkout, *, kills: int, finishes: int, seed: int
    ) -> None:
        self.checkout, self.reference = checkout, reference
        self.cluster = checkout.cluster
        self.most_kills, self.most_finishes = kills, finishes
        self.dice = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.tally: Counter[str] = Counter()
        self.hit: set[str] = set()  # jobs that were killed
        self.away: dict[str, float] = {}  # when workers come back
        self.began = time.monotonic()
        self.controller: Popen[bytes] | None = None

    def run(self) -> None:
        """Kills until it is done, and lets the last run finish.

        Raises:
            HarmError: If a product differs, a run stops by a fault that is not ours, a job ran
                twice at once, or nothing moves any more.
        """
        self._start()
        next_kill = self._later(PAUSE)
        while self.tally["finishes"] < self.most_finishes:
            time.sleep(0.5)
            for node in [n for n, back in self.away.items() if back < time.monotonic()]:
                self.cluster.start_node(node)
                del self.away[node]
            code = self.controller.poll()
            if code == 0:
                self._finish()
                if self.kills.total() >= self.most_kills:
                    return
                self._start()
            elif code is not None:
                self._give_up(code)
                self._start()
            if self.kills.total() < self.most_kills and next_kill < time.monotonic():
                self._kill()
                next_kill = self._later(PAUSE)
            self._watch()

    def stop(self) -> None:
        """Ends the controller, whatever it does."""
        if self.controller and self.controller.poll() is None:
            os.killpg(self.controller.pid, signal.SIGKILL)
            self.controller.wait()

    def say(self, text: str) -> None:
        """Prints a line with the time since the start."""
        print(f"{time.monotonic() - self.began:7.1f} s  {text}", flush=True)

    def summary(self) -> str:
        """What was done, and what came of it."""
        rows = self.checkout.accounts()
        ended = Counter(row.state for row in rows)
        lines = [
            f"kills: {self.kills.total()} {dict(self.kills)}",
            f"reports: {self.tally['finishes']}, each equal to the byte",
            f"runs: {self.tally['starts']}, of which {self.tally['gave up']} gave up on a job "
            "that was killed more often than it is tried",
            f"attempts of jobs: {len(rows)} {dict(ended)}",
            f"products adopted from a run whose controller died: {self.tally['adopted']}",
            f"attempts that stopped on request: {self.tally['interrupted']}",
            f"jobs that did the same thing at once: {len(self.checkout.duplicates())}",
            f"wall time: {time.monotonic() - self.began:.0f} s",
        ]
        return "\n".join(lines)

    def _later(self, between: tuple[float, float]) -> float:
        return time.monotonic() + self.dice.uniform(*between)

    def _start(self) -> None:
        choice = self.dice.choice(("wait", "cancel"))
        self.controller = self.checkout.start(GALERNE_LEFTOVERS=choice)
        self.tally["starts"] += 1
        self.moved = time.monotonic()
        self.say(f"controller started, leftovers: {choice}")

    def _finish(self) -> None:
        if wrong := self.checkout.differs_from(self.reference):
            raise HarmError(f"these products differ: {', '.join(wrong)}")
        if twice := self.checkout.duplicates():
            raise HarmError(f"the same thing was done twice at once: {twice}")
        if left := self.checkout.queue():
            raise HarmError(f"the run has ended, but these jobs are in the queue: {left}")
        self.tally["finishes"] += 1
        for row in self.checkout.usage("*"):
            self.tally[row["status"]] += 1
        self.say(f"report {self.tally['finishes']}: every product equal to the byte")
        shutil.rmtree(self.checkout.results)

    def _give_up(self, code: int) -> None:
        """A run that stopped: only right if we have killed the job that it gave up."""
        said = "\n".join(self.checkout.said()).split("\nSNAKEMAKE\n")[-1]
        last = {}
        for job, number in re.findall(
            r"^ +jobid: (\d+)$(?:\n .*)*?\n +external_jobid: (\d+)", said, re.MULTILINE
        ):
            last[job] = number
        blameless = {number for number in last.values() if number not in self.hit}
        if not last or blameless or "SLURM sbatch failed" in said:
            raise HarmError(f"the run stopped with {code} and not by us:\n{said[-6000:]}")
        self.tally["gave up"] += 1
        self.say(f"controller gave up: jobs {sorted(last.values())} were killed too often")

    def _watch(self) -> None:
        ended = sum(row.end[:1].isdigit() for row in self.checkout.accounts())
        if ended != self.tally["ended"]:
            self.tally["ended"], self.moved = ended, time.monotonic()
        if time.monotonic() - self.moved > HUNG:
            said = "\n".join(self.checkout.said()[-40:])
            raise HarmError(f"no job has ended for {HUNG:.0f} s: {self.checkout.queue()}\n{said}")

    def _kill(self) -> None:
        running = [job for job in self.checkout.queue() if job.state == "RUNNING"]
        kinds = list(WEIGHTS) if running else ["worker", "controller"]
        (kind,) = self.dice.choices(kinds, [WEIGHTS[kind] for kind in kinds])
        victim = self.dice.choice(running) if running else None
        if what := self._blows()[kind](victim):
            self.kills[kind] += 1
            self.say(f"kill {self.kills.total()} of {self.most_kills}: {what}")

    def _blows(self) -> dict[str, Callable[[Queued | None], str]]:
        return {
            "job": self._kill_job,
            "scancel": self._cancel_job,
            "requeue": self._requeue_job,
            "worker": self._kill_worker,
            "controller": self._kill_controller,
        }

    def _kill_job(self, job: Queued) -> str:
        self.hit.add(job.number)
        kill_processes(self.cluster, job)
        return f"SIGKILL to the processes of {job}"

    def _cancel_job(self, job: Queued) -> str:
        self.hit.add(job.number)
        self.cluster.ask("scancel", "--signal=KILL", "--full", job.number)
        return f"scancel --signal=KILL of {job}"

    def _requeue_job(self, job: Queued) -> str:
        try:
            self.cluster.ask("scontrol", "requeue", job.number)
        except RuntimeError:  # it has just ended
            return ""
        self.hit.add(job.number)
        return f"scontrol requeue of {job}"

    def _kill_worker(self, job: Queued | None) -> str:
        nodes = [node for node in self.cluster.nodes if node not in self.away]
        if len(nodes) < 2:  # one of them stays
            return ""
        node = self.dice.choice(nodes)
        jobs = [job.number for job in self.checkout.queue() if job.node == node]
        self.hit |= set(jobs)
        self.cluster.lose_node(node)
        self.away[node] = self._later(AWAY)
        return f"worker {node} with jobs {', '.join(jobs) or 'none'}"

    def _kill_controller(self, job: Queued | None) -> str:
        if self.controller.poll() is not None:
            return ""
        self.controller.kill()
        self.controller.wait()
        self._start()
        return "controller"


def main() -> int:
    """Runs chaos on a cluster of its own, and says what came of it."""
    parser = argparse.ArgumentParser("python -m tests.slurm.chaos")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--finishes", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--overlay", type=Path, help="on top of config/tiny.yaml")
    asked = parser.parse_args()
    overlays = (TINY, asked.overlay.resolve()) if asked.overlay else (TINY,)
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="slurm-")))
    cluster.up()
    reference = Checkout.make(folder / "reference", cluster, overlays)
    print(f"everything is in {folder}; a run without disturbance comes first", flush=True)
    chaos = None
    try:
        reference.run_here()
        checkout = Checkout.make(folder / "chaos", cluster, overlays)
        chaos = Chaos(
            *(checkout, reference), kills=asked.kills, finishes=asked.finishes, seed=asked.seed
        )
        chaos.run()
    except HarmError as harm:
        print(f"FAILED: {harm}", flush=True)
        return 1
    finally:
        if chaos:
            chaos.stop()
            print(chaos.summary(), flush=True)
        cluster.down()
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
