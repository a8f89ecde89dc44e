"""What is seen of fields is what instruments see."""

import numpy as np
import torch

from galerne.baselines.fields import distances
from galerne.observe.orbit import MEAN_RADIUS


def test_fields_are_seen_as_they_are(world, case) -> None:
    rng = np.random.default_rng(0)
    z = world.truth.draw(rng, 2)
    fields = torch.from_numpy(z @ world.decoding.T).reshape(2, *case.shape).float()
    seen = case.operator(fields).double().numpy() * case.table["error"].to_numpy()
    assert np.allclose(seen, z @ world.observing.T, atol=1e-3)
    assert np.allclose(case.y * case.table["error"].to_numpy(), case.table["observation"])
    assert case.linear
    assert case.step_hours == 6
    assert torch.allclose(case.derivative(fields), case.operator(fields), atol=1e-3)


def test_distances_are_along_great_circles(case) -> None:
    apart = distances(case, np.array([90.0, 0.0]), np.array([0.0]))
    latitude = case.table["lat"].to_numpy()
    assert np.allclose(apart[0], MEAN_RADIUS * np.radians(90 - latitude), atol=1e-6)
    assert apart.shape == (2, len(latitude))
