"""The transformer: shapes, positions on the sphere, calendar."""

import numpy as np
import pytest
import torch

from galerne.prior.backbone import Backbone, calendar


def test_output_is_zero_at_first_and_has_the_shape_of_a_window() -> None:
    model = Backbone(3, 2, 4, 8, patch=2, hidden_channels=16, blocks=2, heads=2)
    z = torch.randn(2, 3, 2, 4, 8)
    out = model(z, z, torch.zeros(2), torch.zeros(2, 4))
    assert out.shape == z.shape
    assert out.abs().max() == 0


def test_tokens_keep_their_place() -> None:
    """What comes out of a patch went into it: only attention mixes, and it is cut here."""
    torch.manual_seed(0)
    model = Backbone(2, 1, 4, 4, patch=2, hidden_channels=8, blocks=1, heads=1)
    torch.nn.init.normal_(model.transformer.out_proj.weight)
    for block in model.transformer.blocks:
        torch.nn.init.zeros_(block.msa.y_proj.weight)
    z = torch.randn(1, 2, 1, 4, 4)
    moved = z.clone()
    moved[0, 1, 0, 2:, :2] += 1
    season, level = torch.zeros(1, 4), torch.zeros(1)
    change = (model(moved, moved, level, season) - model(z, z, level, season)).abs()
    assert change[0, 1, 0, 2:, :2].min() > 0
    change[0, 1, 0, 2:, :2] = 0
    assert change.max() == 0


def test_positions_join_at_the_date_line() -> None:
    model = Backbone(1, 1, 4, 16, patch=2, hidden_channels=8, blocks=1, heads=1)
    place = model.positions.view(4 // 2, 8, 4)[..., 1:]
    steps = (place - place.roll(1, dims=1)).norm(dim=-1)
    torch.testing.assert_close(steps, steps[:, :1].expand_as(steps))
    torch.testing.assert_close(place.norm(dim=-1), torch.full((2, 8), 4.0))


def test_calendar_turns_once_a_year_and_once_a_day() -> None:
    times = np.array(["2001-01-01T00", "2001-07-02T12", "2001-01-01T06"], "datetime64[ns]")
    turn = calendar(times)
    torch.testing.assert_close(turn[0], torch.tensor([1.0, 1.0, 0.0, 0.0]))
    assert turn[1, 0] == pytest.approx(-1, abs=1e-3)
    torch.testing.assert_close(turn[1, [1, 3]], torch.tensor([-1.0, 0.0]), atol=1e-6, rtol=0)
    torch.testing.assert_close(turn[2, [1, 3]], torch.tensor([0.0, 1.0]), atol=1e-6, rtol=0)


def test_a_grid_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="do not divide into patches of 3"):
        Backbone(1, 1, 4, 8, patch=3, hidden_channels=8, blocks=1, heads=1)
