"""Products lie under the names of the choices that made them."""

from pathlib import Path

import pytest
import yaml

from galerne.config.choices import Choices
from galerne.config.layout import Layout
from galerne.config.models import Config
from galerne.config.training import Question, Waiting

DEFAULT = Path(__file__).parents[2] / "config/default.yaml"
NAMES = {
    "dataset": "speedy_t31",
    "autoencoder": "small",
    "prior": "gaussian_dit",
    "network": "sparse",
    "task": "reanalysis",
}
WINDOWS = ["20040114T00_42h", "20040129T00_42h"]


@pytest.fixture
def layout() -> Layout:
    config = yaml.safe_load(DEFAULT.read_text())
    config["experiments"]["demo"] |= {"members": 5, "members_per_job": 3}
    config["data_root"] = "/data"
    instruments = config["networks"]["sparse"]["instruments"]
    instruments["stations"]["sites"]["file"] = "sites/synop.csv"
    instruments["soundings"]["sites"]["file"] = "/elsewhere/temp.csv"
    return Layout(Choices(Config.model_validate(config)))


def test_every_path_starts_at_the_folder_of_results(layout: Layout) -> None:
    assert layout.results("scores.csv") == "results/scores.csv"
    assert layout.results("a", "b", "c.csv") == "results/a/b/c.csv"


def test_the_truth_of_a_window_is_the_test_period_that_holds_it(layout: Layout) -> None:
    assert layout.truth("speedy_t31", WINDOWS[0]) == "results/speedy_t31/grid/test/manifest.json"
    with pytest.raises(ValueError, match="lies in no test period of dataset speedy_t31"):
        layout.truth("speedy_t31", "20010114T00_42h")


def test_observations_lie_with_their_network_and_window(layout: Layout) -> None:
    path = layout.observations("speedy_t31", "sparse", WINDOWS[1])
    assert path == f"results/speedy_t31/networks/sparse/{WINDOWS[1]}/observations.parquet"
    assert layout.observed(NAMES, WINDOWS)[1] == path
    assert len(layout.observed(NAMES, WINDOWS)) == 2


def test_a_method_has_every_batch_of_every_window(layout: Layout) -> None:
    folder = "results/speedy_t31/small/gaussian_dit/sparse/mmps/reanalysis"
    assert layout.members(NAMES, WINDOWS, "mmps") == [
        f"{folder}/{window}/members_{batch}/manifest.json"
        for window in WINDOWS
        for batch in ("000-002", "003-004")
    ]


@pytest.mark.parametrize(
    ("baseline", "path"),
    [
        ("climatology", "speedy_t31/climatology/{}/manifest.json"),
        ("reconstruction", "speedy_t31/small/reconstruction/{}/manifest.json"),
        ("prior", "speedy_t31/small/gaussian_dit/samples/{}/members_000-002/manifest.json"),
    ],
)
def test_baselines_are_shared_by_networks_and_tasks(
    layout: Layout, baseline: str, path: str
) -> None:
    members = layout.members(NAMES, WINDOWS, baseline)
    assert members[0] == "results/" + path.format(WINDOWS[0])
    assert len(members) == (4 if baseline == "prior" else 2)
    other = NAMES | {"network": "dense", "task": "filtering"}
    assert layout.members(other, WINDOWS, baseline) == members


def test_each_model_has_one_training_record(layout: Layout) -> None:
    assert layout.training_records() == [
        "results/speedy_t31/small/training.csv",
        "results/speedy_t31/small/gaussian_dit/training.csv",
    ]


def test_files_of_the_user_lie_below_data_root_unless_absolute(layout: Layout) -> None:
    assert layout.input_file("a/b.nc") == "/data/a/b.nc"
    assert layout.site_files("sparse") == {
        "stations": "/data/sites/synop.csv",
        "soundings": "/elsewhere/temp.csv",
    }
    assert set(layout.sites("sparse")) == {"stations", "soundings"}  # a swath has none
    stations = layout.sites("sparse")["stations"]
    assert stations["sites"] == {"count": 200, "file": "sites/synop.csv"}
    assert stations["variables"][0] == "2m_temperature"


def test_periods_are_found_by_their_role(layout: Layout) -> None:
    folder = "results/speedy_t31"
    assert layout.fields("speedy_t31", "train") == [
        f"{folder}/grid/train_a/manifest.json",
        f"{folder}/grid/train_b/manifest.json",
        f"{folder}/grid/train_c/manifest.json",
        f"{folder}/grid/train_d/manifest.json",
    ]
    assert layout.moments("speedy_t31", "train")[1] == f"{folder}/moments/train_b.csv"
    assert layout.latents("speedy_t31", "small", "validation", "test") == [
        f"{folder}/small/latents/validation/manifest.json",
        f"{folder}/small/latents/test/manifest.json",
    ]


def test_statistics_lie_with_the_record_that_they_describe(layout: Layout) -> None:
    (record,) = layout.records.values()
    path = layout.statistic("speedy_t31", "moments.csv")
    assert path == f"results/speedy_t31/stats/{record}/moments.csv"
    assert record.startswith("19990101-20021231_")


def test_a_run_makes_the_report_or_what_needs_no_answer(layout: Layout) -> None:
    files = ("scores.csv", "comparisons.csv", "diagnostics/regions.csv", "report.html")
    assert layout.targets(Question(())) == [f"results/{file}" for file in files]
    new = {"train_a": {"role": "train", "start": "2001", "end": "2002"}}
    path = Path("results/speedy_t31/small/model.json")
    added = layout.targets(Question((Waiting("speedy_t31", path, {}, new),)))
    assert added == sorted(
        [
            layout.statistic("speedy_t31", "moments.csv"),
            layout.statistic("speedy_t31", "climatology", "manifest.json"),
            *layout.fields("speedy_t31", "train", "validation"),
        ]
    )
    old = {"train_a": {"role": "train", "start": "1999", "end": "2002"}}
    moved = Question((Waiting("speedy_t31", path, old, new),))
    assert layout.targets(moved) == []
    other = Question((Waiting("another", path, old, new),))
    assert "results/speedy_t31/small/gaussian_dit/sparse/mmps/reanalysis/scores.csv" in (
        layout.targets(other)
    )


@pytest.fixture
def remote() -> Layout:
    """Two datasets that ask the same of one archive, at unlike times."""
    config = yaml.safe_load(DEFAULT.read_text())
    block = config["datasets"]["speedy_t31"]
    source = {
        "kind": "weatherbench2", "store": "1440x721", "endpoint": None,
    }  # fmt: skip
    for name in ("one", "two"):
        config["datasets"][name] = block | {"source": source}
    periods = block["periods"]
    short = periods["test"] | {"end": "2004-02-10T18:00"}
    config["datasets"]["two"]["periods"] = periods | {"test": short}
    return Layout(Choices(Config.model_validate(config)))


def test_downloads_lie_by_archive_request_and_month(remote: Layout) -> None:
    (request,) = remote.requests
    folder = f"resources/weatherbench2_1440x721/{request}"
    whole = remote.manifests("one", "train_a")
    assert whole == [f"{folder}/2001{month:02d}.json" for month in range(1, 13)]
    assert remote.manifests("one", "test")[0] == f"{folder}/20040111T00-20040131T18.json"
    assert remote.manifests("two", "train_a") == whole
    assert remote.manifests("speedy_t31", "train_a") == []


def test_a_stretch_says_what_is_asked_for(remote: Layout) -> None:
    (request,) = remote.requests
    asked = remote.stretch(request, "200102")
    assert (asked["start"], asked["end"]) == ("2001-02-01T00:00:00", "2001-02-28T18:00:00")
    assert asked["levels"] == [300, 500, 700, 850]
    assert set(asked) == {"surface", "pressure", "levels", "step_hours", "start", "end"}


def test_a_mirror_of_an_archive_has_a_folder_of_its_own(remote: Layout) -> None:
    datasets = remote.choices.config.datasets
    source = datasets["one"].source.model_copy(update={"endpoint": "http://127.0.0.1:9"})
    datasets["one"] = datasets["one"].model_copy(update={"source": source})
    assert remote.archive_folder("two") == "weatherbench2_1440x721"
    assert remote.archive_folder("one").startswith("weatherbench2_1440x721_")
    assert len(remote.requests) == 2


def test_audits_are_those_of_the_periods_in_use(layout: Layout) -> None:
    folder = "results/speedy_t31/audit"
    names = ["train_a", "train_b", "train_c", "train_d", "validation", "test"]
    assert layout.audits("findings.csv") == [f"{folder}/{name}/findings.csv" for name in names]


def test_a_climatology_by_hour_is_made_where_it_is_asked_for(layout: Layout) -> None:
    datasets = layout.choices.config.datasets
    block = datasets["speedy_t31"].model_dump(mode="json")
    asked = block | {"hourly_climatology": {"window_days": 61}}
    datasets["speedy_t31"] = type(datasets["speedy_t31"]).model_validate(asked)
    path = layout.statistic("speedy_t31", "hourly_climatology", "manifest.json")
    assert layout.targets(Question(()))[4:] == [path]
    old = {"train_a": {"role": "train", "start": "1999", "end": "2002"}}
    new = {"train_a": {"role": "train", "start": "2001", "end": "2002"}}
    model = Path("results/speedy_t31/small/model.json")
    assert path in layout.targets(Question((Waiting("speedy_t31", model, {}, new),)))
    assert layout.targets(Question((Waiting("speedy_t31", model, old, new),))) == []
