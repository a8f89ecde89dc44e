"""Variants of networks beside the network that they are of: what is lost, and whether it is real.

One method is compared with itself on other observations, by the ratio of scores on the same
windows (:mod:`.comparisons`): above one, the variant is worse than the network unchanged. Withheld
observations and the noise of members are the same in both, so little else than the change tells.
"""

__all__ = ["COLUMNS", "compare_variants", "groups"]

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ..observe.noise import generator
from .comparisons import COLUMNS as COMPARED
from .comparisons import Inference, compare
from .pooling import CHOICES
from .tables import read_table

NAMED = {"method": "network", "reference": "unchanged"}
COLUMNS = [
    *(name for name in CHOICES if name != "network"),
    *(NAMED.get(name, name) for name in COMPARED if name != "best_baseline"),
]


def groups(
    choices: Sequence[Mapping[str, str]], paths: Sequence[Path], *, by: str
) -> list[tuple[dict[str, str], dict[str, Path]]]:
    """Puts together the choices that differ in one name alone.

    Arguments:
        choices: ``dataset autoencoder prior network method task`` of each.
        paths: A file of each.
        by: The name that they may differ in.

    Returns:
        The other names of each group, and its files by that name, in order.
    """
    found: dict[tuple[str, ...], dict[str, Path]] = {}
    rest = [name for name in CHOICES if name != by]
    for choice, path in zip(choices, paths, strict=True):
        found.setdefault(tuple(choice[n] for n in rest), {})[choice[by]] = path
    return [(dict(zip(rest, names, strict=True)), files) for names, files in found.items()]


def compare_variants(
    choices: Sequence[Mapping[str, str]],
    paths: Sequence[Path],
    variants: Mapping[str, str],
    inference: Inference,
    seed: int,
) -> pd.DataFrame:
    """Compares every method on a variant of a network with itself on the network unchanged.

    Arguments:
        choices: ``dataset autoencoder prior network method task`` of each table.
        paths: Statistics of each.
        variants: The network that each variant is of.
        inference: How intervals are made.
        seed: What the resamples are spawned from.

    Returns:
        A table with :data:`COLUMNS`, empty where nothing was scored on both.
    """
    tables = []
    for names, files in groups(choices, paths, by="network"):
        for network in dict.fromkeys(variants[n] for n in files if n in variants):
            own = [n for n in files if n == network or variants.get(n) == network]
            if network not in own:
                continue
            rows = compare(
                {name: read_table(files[name]) for name in own},
                judged=(),
                classical=(),
                common=network,
                inference=inference,
                rng=generator(seed, *names.values(), network),
            )
            tables.append(rows.rename(columns=NAMED).assign(**names)[COLUMNS])
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)
