"""The truth of a window, encoded and decoded by script."""

import numpy as np
import pytest

from galerne.arrays import stack_channels
from galerne.observe.window import select_window
from galerne.products import open_product
from galerne.stats.transform import Transform
from workflow.scripts.reconstruct_window import reconstruct_window


@pytest.fixture
def run(choice, fields, climatology, autoencoder) -> object:
    def reconstruct(folder, window=choice.window) -> object:
        path = folder / "manifest.json"
        reconstruct_window(
            fields["test"], climatology, autoencoder, path, window=window, threads=1
        )
        return path

    return reconstruct


def test_it_is_an_ensemble_of_one_near_the_truth(
    tmp_path, run, choice, fields, climatology
) -> None:
    found = open_product(run(tmp_path))
    truth = select_window(open_product(fields["test"]), choice.window)
    transform = Transform.open(climatology)
    assert found["temperature"].dims == ("number", "time", "level", "latitude", "longitude")
    assert found["number"].values.tolist() == [0]
    for name in ("time", "latitude", "longitude", "level"):
        assert np.array_equal(found[name], truth[name])
    for name, units in (("2m_temperature", "K"), ("mean_sea_level_pressure", "Pa")):
        assert found[name].attrs["units"] == units
    after, before = (stack_channels(x, transform.channels) for x in (found, truth))
    error = np.sqrt(np.square(after[0] - before).mean((0, 2, 3)))
    size = np.sqrt(np.square(before - transform.climatology(truth["time"].values)).mean((0, 2, 3)))
    assert (error < 0.7 * size).all()
    assert (error > 0).all()


def test_a_rerun_writes_the_same_bytes(tmp_path, run, contents) -> None:
    run(tmp_path / "a")
    run(tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_on_an_accelerator_the_states_are_encoded_and_decoded_there(
    tmp_path, run, climatology, accelerator
) -> None:
    back = accelerator("reconstruct_window")
    found, transform = open_product(run(tmp_path)), Transform.open(climatology)
    assert back == [(4, 4, 16, 32)]
    values = stack_channels(found, transform.channels)
    assert np.array_equal(values[0], transform.climatology(found["time"].values))


def test_a_window_that_leaves_the_data_is_refused(tmp_path, run) -> None:
    with pytest.raises(ValueError, match=r"window 20030115T18_12h .* leaves the data"):
        run(tmp_path / "a", "20030115T18_12h")
    assert not (tmp_path / "a").exists()
