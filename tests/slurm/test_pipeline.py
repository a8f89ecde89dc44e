"""The whole pipeline through `snakemake --profile slurm`, and what its jobs are given."""

import pytest

from tests.slurm.checkout import TINY, Checkout
from tests.slurm.cluster import Cluster
from tests.slurm.conftest import MICRO


@pytest.fixture(scope="module")
def finished(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A run from nothing to the report."""
    checkout = Checkout.make(tmp_path_factory.mktemp("pipeline") / "copy", cluster, (TINY, MICRO))
    checkout.finish(checkout.start(), 900)
    return checkout


def test_pipeline_comes_to_the_same_report(finished: Checkout, reference: Checkout) -> None:
    assert finished.differs_from(reference) == []
    assert finished.duplicates() == []
    assert {account.state for account in finished.accounts()} == {"COMPLETED"}


def test_gpus_go_to_the_rules_that_train_and_draw(finished: Checkout) -> None:
    given = {a.comment for a in finished.accounts() if "gres/gpu:toy=1" in a.allocated}
    rules = {"train_autoencoder", "train_prior", "draw_posterior", "sample_prior"}
    assert {comment.removeprefix("rule_").split("_wildcards")[0] for comment in given} == rules
    seen = {row["rule"] for rule in rules for row in finished.usage(rule) if row["gpus"] == 1}
    assert {"train_autoencoder", "train_prior"} <= seen
