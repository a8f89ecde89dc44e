"""The site file: read with its faults named, and turned into resources."""

import re

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from galerne.cluster.site import GPU_RULES, ROOT, SHARED_RULES, TRAINING_RULES, Site


@pytest.fixture
def site(tmp_path: Path) -> Callable[..., Site]:
    """The shipped site with some changes."""

    def read(**changes: object) -> Site:
        values = yaml.safe_load((ROOT / "slurm/site.yaml").read_text()) | changes
        path = tmp_path / f"site{len(list(tmp_path.iterdir()))}.yaml"
        path.write_text(yaml.safe_dump(values))
        return Site.read(path)

    return read


def test_the_shipped_site_asks_for_nothing_special() -> None:
    site = Site.read(ROOT / "slurm/site.yaml")
    assert site.set_resources() == {}
    assert set(site.default_resources()) == {"mem_mb", "runtime", "slurm_extra", "turn", "disk_mb"}
    assert {site.partition(rule) for rule in ("fetch_period", *GPU_RULES)} == {None}


@pytest.mark.parametrize(
    ("image", "fine"),
    [
        ("/shared/galerne.sif", True),
        ("docker://ghcr.io/some/galerne:0.1.0", True),
        ("docker://ghcr.io/some/galerne@sha256:" + 64 * "a", True),
        ("docker://me:secret@ghcr.io/some/galerne", False),
        ("galerne.sif; id", False),
        ("$(id)", False),
    ],
)
def test_an_image_is_a_file_or_an_address_without_credentials(
    image: str, fine: bool, site: Callable[..., Site]
) -> None:
    if fine:
        assert site(image=image).image == image
        return
    with pytest.raises(ValueError, match="image: String should match pattern") as caught:
        site(image=image)
    assert image not in str(caught.value)


def test_rules_go_to_their_partitions(site: Callable[..., Site]) -> None:
    named = site(partitions={"cpu": "short", "gpu": "a100", "training": "night"})
    assert named.partition("fetch_period") == "short"
    assert named.partition("draw_posterior") == "a100"
    assert {named.partition(rule) for rule in TRAINING_RULES} == {"night"}
    assert named.default_resources()["slurm_partition"] == "short"
    assert named.set_resources()["train_prior"] == {"slurm_partition": "night"}
    assert "fetch_period" not in named.set_resources()


def test_a_training_partition_defaults_to_that_of_the_gpus(site: Callable[..., Site]) -> None:
    named = site(partitions={"cpu": None, "gpu": "a100", "training": None})
    assert named.partition("train_prior") == "a100"
    assert "slurm_partition" not in named.default_resources()


def test_training_takes_every_gpu_of_a_node_and_drawing_one(site: Callable[..., Site]) -> None:
    asked = site(gpus=4, gpu_type="a100").set_resources()
    assert asked["train_prior"] == {"gpu": 4, "gpu_model": "a100"}
    assert asked["draw_posterior"] == {"gpu": 1, "gpu_model": "a100"}


def test_a_draw_may_take_several_gpus_but_no_more_than_a_node_has(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GALERNE_PROCESSES_PER_DRAW", raising=False)
    many, few = site(gpus=4, drawing_gpus=2), site(gpus=1, drawing_gpus=2)
    assert [one.set_resources()["draw_posterior"]["gpu"] for one in (many, few)] == [2, 1]
    assert many.set_resources()["sample_prior"]["gpu"] == 1
    assert [one.drawing_processes for one in (many, few, site(gpus=0))] == [2, 1, 1]
    monkeypatch.setenv("GALERNE_PROCESSES_PER_DRAW", "3")
    assert few.drawing_processes == 3


def test_a_training_on_several_nodes_has_one_agent_on_each(site: Callable[..., Site]) -> None:
    asked = site(gpus=4, nodes=2).set_resources()
    train = asked["train_prior"]
    assert (train["nodes"], train["tasks"], train["mpi"]) == (2, 2, "torchrun")
    assert "--ntasks-per-node=1 --gpus-per-node=4" in train["slurm_extra"]
    assert "--signal=TERM@120" in train["slurm_extra"]
    assert "gpu" not in train
    assert "nodes" not in asked["draw_posterior"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gpu": 1}, r"gpu: Extra inputs are not permitted"),
        ({"gpus": -1}, r"gpus: Input should be greater than or equal to 0"),
        ({"account": "me; rm -rf"}, r"account: String should match pattern"),
        ({"partitions": {"cpu": "$(touch x)", "gpu": None, "training": None}}, r"partitions\.cpu"),
        ({"leftovers": "ignore"}, r"leftovers: Input should be 'wait', 'cancel' or 'stop'"),
    ],
)
def test_a_fault_is_named_by_file_and_key(
    site: Callable[..., Site], changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=rf"site0\.yaml: {message}"):
        site(**changes)


def test_a_missing_site_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.yaml"):
        Site.read(tmp_path / "nowhere.yaml")


def test_the_environment_names_another_site_and_what_to_do_about_leftovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "other.yaml"
    text = (ROOT / "slurm/site.yaml").read_text()
    path.write_text(text.replace("jobs: 200 ", "jobs: 3 "))
    monkeypatch.setenv("GALERNE_SITE", str(path))
    assert Site.read().jobs == 3
    monkeypatch.setenv("GALERNE_LEFTOVERS", "cancel")
    assert Site.read().leftovers == "cancel"
    monkeypatch.setenv("GALERNE_LEFTOVERS", "maybe")
    with pytest.raises(ValueError, match="GALERNE_LEFTOVERS is 'maybe'; allowed: wait"):
        Site.read()


def test_jobs_that_share_an_allocation_fit_its_time_limit(site: Callable[..., Site]) -> None:
    shared = site(together={"draw_posterior": 4, "compute_maps": 1}, longest_minutes=600)
    assert shared.groups() == ["draw_posterior=draw_posterior"]
    assert shared.group_components() == ["draw_posterior=4"]
    assert [shared.longest(r) for r in ("draw_posterior", "compute_maps", "")] == [150, 600, 600]
    with pytest.raises(ValueError, match=r"together\.train_prior"):
        site(together={"train_prior": 2})


def test_rules_that_may_share_an_allocation_share_its_time() -> None:
    text = "".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk")))
    named = re.findall(
        r"^rule (\w+):(?:(?!^rule ).)*?partial\(longest, \"(\w+)\"\)", text, re.M | re.S
    )
    assert {one for one, other in named if one == other} == set(SHARED_RULES)
    assert len(named) == len(SHARED_RULES)
