"""Reduced precision and compilation: near the whole, and only where asked for."""

import pytest
import torch

from torch import nn

from galerne.latent.autoencoder import Autoencoder
from galerne.nn.precision import compiled, reduced

CPU = torch.device("cpu")


@pytest.mark.parametrize(("precision", "kind"), [("float32", 4), ("bfloat16", 2)])
def test_products_have_the_precision_asked_for(precision: str, kind: int) -> None:
    with reduced(precision, CPU):
        assert nn.Linear(4, 4)(torch.ones(1, 4)).element_size() == kind


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown precision 'float8'; allowed: float32, bfl"):
        reduced("float8", CPU)


def test_the_decoder_stays_near_and_its_linear_part_exact() -> None:
    decoder = Autoencoder(3, 8, 16, 8, 4, hidden_channels=8, blocks=1, bound=5.0)
    z = torch.randn(2, 8, 2, 4)
    exact = decoder.decode(z)
    decoder.precision = "bfloat16"
    torch.testing.assert_close(decoder.decode(z), exact)  # its network is zero at first
    nn.init.normal_(decoder.decoder[-1].weight)
    reduced_once = decoder.decode(z)
    decoder.precision = "float32"
    away = (reduced_once - decoder.decode(z)).std() / decoder.decode(z).std()
    assert 0 < away < 0.02
    assert reduced_once.dtype == torch.float32


def test_a_compiled_network_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    network, x = nn.Sequential(nn.Linear(4, 4), nn.SiLU(), nn.Linear(4, 2)), torch.randn(3, 4)
    plain = network(x)
    assert compiled(network)._compiled_call_impl is None
    monkeypatch.setenv("GALERNE_COMPILE", "1")
    assert compiled(network)._compiled_call_impl is not None
    torch.testing.assert_close(network(x), plain)
