"""A job from start to end: log, lock, request to stop, receipt, record of cost.

A script hands its function to :meth:`Job.run`, which

1. logs to the log file of the rule,
2. waits until no other process writes the same products,
3. takes back what a twin of this job finished unseen, or else
4. calls the function, with SIGTERM as a request to stop,
5. records that the attempt began, how it ended and what it used.

A job that stopped on request leaves with exit code 75: it is to be run again. Where Slurm
announced a time limit or a preemption, the job first puts itself back into the queue, so a
training can be longer than any time limit; after ``scancel`` or ``scontrol requeue`` it does
not, since Slurm has then decided already.
"""

__all__ = ["AGAIN", "Job"]

import logging
import os
import sys

from collections.abc import Callable, Mapping
from pathlib import Path

from . import interrupt, slurm
from .interrupt import Interrupted
from .lock import holding
from .receipt import holds_receipt, identity, leave_receipt, take_receipt
from .usage import Meter

log = logging.getLogger(__name__)
AGAIN = 75  # EX_TEMPFAIL: not finished, to be run again
WAIT_SECONDS = 24 * 3600.0  # for another writer of the same products


class Job:
    """One attempt of a rule.

    Arguments:
        snakemake: What Snakemake hands to a script.
    """

    def __init__(self, snakemake: object) -> None:
        self.rule: str = snakemake.rule
        self.path_log = Path(snakemake.log[0])
        self.root, self.name = _split(self.path_log)
        self.outputs = [Path(path) for path in snakemake.output]
        self.inputs = [Path(path) for path in snakemake.input]
        self.settings: Mapping[str, object] = dict(snakemake.params.items())
        self.threads: int = snakemake.threads

    def run(self, work: Callable[..., None], /, *arguments: object, **settings: object) -> None:
        """Does the work once, and by nobody else at the same time.

        Arguments:
            work: The function of the script.
            arguments: What it is called with.
            settings: What it is called with by name.

        Raises:
            SystemExit: With code 75, if the work stopped on request.
        """
        os.umask(os.umask(0) | 0o002)  # what others may write is no product
        interrupt.listen()
        if int(os.environ.get("RANK", "0")):
            self._follow(lambda: work(*arguments, **settings))
            return
        self.path_log.parent.mkdir(parents=True, exist_ok=True)
        logging.basicConfig(filename=self.path_log, level=logging.INFO, force=True)
        meter, status = Meter(self._usage(), self.rule, self.threads), "failed"
        meter.start()
        lock = self.root / "locks" / f"{self.name.replace('/', '.')}.lock"
        try:
            with holding(lock, wait_seconds=WAIT_SECONDS):
                status = self._work(lambda: work(*arguments, **settings))
        except Interrupted as stop:
            status = "interrupted"
            log.warning("stopped on request: %s", stop)
            _queue_again(stop)
            sys.exit(AGAIN)
        except Exception:
            log.exception("%s failed", self.rule)
            raise
        finally:
            meter.stop(status)

    def _follow(self, work: Callable[[], None]) -> None:
        """The part of a process beside the first one of a job: locks, logs and records nothing."""
        logging.basicConfig(level=logging.WARNING)
        if holds_receipt(self.root, self._identity(), self.outputs):
            return
        try:
            work()
        except Interrupted:
            sys.exit(AGAIN)

    def _usage(self) -> Path:
        return self.root / "usage" / f"{self.name}.jsonl"

    def _identity(self) -> str:
        return identity(self.rule, self.inputs, self.settings)

    def _work(self, work: Callable[[], None]) -> str:
        digest = self._identity()
        if take_receipt(self.root, digest, self.outputs):
            log.info("already finished by an earlier run: taken as it is")
            return "adopted"
        work()
        leave_receipt(self.root, digest, self.outputs)
        return "done"


def _split(path_log: Path) -> tuple[Path, str]:
    """The folder of all products, and the name of a job below its folder of logs."""
    parts = path_log.with_suffix("").parts
    if "logs" not in parts:
        raise ValueError(f"{path_log} lies in no folder 'logs' of the products")
    k = len(parts) - 1 - parts[::-1].index("logs")  # no name below may be "logs"
    return Path(*parts[:k]), "/".join(parts[k + 1 :])


def _queue_again(stop: Interrupted) -> None:
    try:
        if stop.advanced and slurm.job_state() == "RUNNING":
            slurm.requeue()
            log.info("back in the queue")
    except RuntimeError as error:
        log.warning("could not go back to the queue (%s): left to the retries", error)
