"""Methods are told apart with and without colour, and look the same whoever stands beside them."""

import itertools

import pytest

from galerne.report.legend import CLASSICAL, REFERENCES, Legend, words

MANY = {"mmps": "mmps", "dps": "dps", "sda": "sda"} | {f"my_{kind}": kind for kind in CLASSICAL}


def test_each_method_has_a_colour_a_name_and_a_marker_of_its_own() -> None:
    looks = [Legend(MANY).look(method) for method in [*REFERENCES, *MANY]]
    for attribute in ("colour", "label", "short"):
        assert len({getattr(one, attribute) for one in looks}) == len(looks)
    assert len({(one.marker, one.hollow) for one in looks}) == len(looks)
    assert len({one.line for one in looks}) == len(looks)


def test_the_first_method_that_is_configured_has_the_first_look() -> None:
    for order in itertools.permutations(["dps", "mmps", "my_letkf"]):
        legend = Legend({name: MANY[name] for name in order})
        first = next(name for name in order if name != "my_letkf")
        assert legend.look(first).colour == "#1080c8"
        assert legend.look("my_letkf").colour == "#009e73"
        assert legend.posteriors(reversed(order)) == [n for n in order if n != "my_letkf"]


def test_baselines_have_proper_names_by_their_kind() -> None:
    kinds = {"climatological": "climatology", "own": "persistence", "fast": "latent_4dvar"}
    legend = Legend(kinds | {"mmps": "mmps"})
    labels = [legend.label(name) for name in (*kinds, "mmps", "climatology")]
    assert labels == [
        "Climatological ensemble", "Persistence", "Latent 4D-Var", "Posterior (mmps)",
        "Climatology",
    ]  # fmt: skip


def test_baselines_of_one_kind_are_told_apart() -> None:
    kinds = dict.fromkeys(("wide", "letkf", "narrow", "old"), "letkf")
    looks = {name: Legend(kinds).look(name) for name in kinds}
    assert looks["letkf"].marker == CLASSICAL["letkf"].marker
    assert looks["wide"].label == "LETKF (wide)"
    assert len({one.label for one in looks.values()}) == 4
    assert len({(one.marker, one.hollow) for one in looks.values()}) == 4
    assert len({one.line for one in looks.values()}) == 4


def test_order_puts_the_posterior_last_whatever_it_is_called() -> None:
    given = ["a", "climatology", "b", "reconstruction", "prior"]
    legend = Legend({"a": "mmps", "b": "optimal_interpolation"})
    assert legend.order(given) == ["climatology", "reconstruction", "prior", "b", "a"]
    assert legend.posteriors(given) == ["a"]
    assert not legend.classical("climatology")


def test_climatology_is_a_reference_even_if_a_baseline_is_of_that_kind() -> None:
    legend = Legend({"climatological": "climatology"})
    assert legend.order(["climatology", "climatological"]) == ["climatology", "climatological"]
    assert legend.classical("climatological")


def test_methods_that_are_not_configured_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"no method 'letfk'; it has .*, letkf"):
        Legend({"letkf": "letkf"}).look("letfk")


@pytest.mark.parametrize(
    ("change", "instruments", "every", "said"),
    [
        ("deny", ["stations", "polar_orbiter"], False, "Without stations and polar orbiter"),
        ("thin", {"a": 0.125, "b": 0.125}, True, "12.5 % of observations"),
        ("thin", {"a": 0.5}, False, "50 % of a"),
        ("thin", {"a": 0.5, "b": 0.25}, True, "50 % of a and 25 % of b"),
        ("misstate", {"a": 2.0}, True, "Errors stated × 2"),
        ("bias", {"a": {"t": 1.0}}, False, "Biased a"),
        ("gross_errors", {"a": 0.01}, True, "Gross errors in 1 %"),
    ],
)
def test_variants_say_what_they_change(change, instruments, every, said) -> None:
    block = {"of": "net", "change": change, "instruments": instruments, "every": every}
    legend = Legend({}, {"v": block})
    assert legend.network("v") == said
    assert (legend.unchanged("v"), legend.unchanged("net")) == ("net", "net")


def test_other_names_are_words() -> None:
    assert Legend({}).network("dense_net") == words("dense_net") == "Dense net"
