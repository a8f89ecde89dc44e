"""Padding over the sphere, by hand, and against functions on the sphere."""

import pytest
import torch

from galerne.nn.padding import pad_sphere


def test_neighbours_of_a_small_grid_by_hand() -> None:
    x = torch.arange(12.0).view(1, 3, 4)
    expected = [
        [1, 2, 3, 0, 1, 2],
        [3, 0, 1, 2, 3, 0],
        [7, 4, 5, 6, 7, 4],
        [11, 8, 9, 10, 11, 8],
        [9, 10, 11, 8, 9, 10],
    ]
    assert pad_sphere(x, 1)[0].tolist() == expected


@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_function_on_the_sphere_is_continued_across_the_poles(width) -> None:
    def field(width: int) -> torch.Tensor:
        lat = torch.pi * ((torch.arange(-width, 6 + width) + 0.5) / 6 - 0.5)
        lon = 2 * torch.pi * torch.arange(-width, 8 + width) / 8
        lat, lon = torch.meshgrid(lat, lon, indexing="ij")
        x, y, z = lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()
        return 1 + x - 2 * y + 3 * z + x * y - y * z * z

    torch.testing.assert_close(pad_sphere(field(0), width), field(width))


def test_padding_turns_with_the_globe() -> None:
    x = torch.randn(2, 3, 6, 8)
    for turn in (1, 3, 4):
        whole = pad_sphere(x.roll(turn, -1), 2)
        inner = pad_sphere(x, 2)[..., 2:-2].roll(turn, -1)
        assert torch.equal(whole[..., 2:-2], inner)


@pytest.mark.parametrize("lead", [(), (2,), (2, 3), (2, 3, 4), (2, 3, 4, 5)])
def test_any_number_of_leading_dimensions_pads_each_field_alike(lead) -> None:
    x = torch.randn(*lead, 4, 6)
    padded = pad_sphere(x, 1)
    assert padded.shape == (*lead, 6, 8)
    first = (0,) * len(lead)
    assert torch.equal(padded[first], pad_sphere(x[first][None], 1)[0])


def test_no_width_changes_nothing() -> None:
    x = torch.randn(1, 1, 4, 6)
    assert torch.equal(pad_sphere(x, 0), x)


@pytest.mark.parametrize(("shape", "width"), [((4, 7), 1), ((4, 6), 5), ((8, 6), 7)])
def test_grids_without_a_neighbour_across_the_pole_are_refused(shape, width) -> None:
    rows, columns = shape
    message = f"cannot pad {rows} rows, {columns} columns by {width} over the sphere"
    with pytest.raises(ValueError, match=message):
        pad_sphere(torch.zeros(1, 1, *shape), width)
