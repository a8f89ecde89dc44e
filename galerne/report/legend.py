"""Names and looks of methods: the same in every chart and table, whatever stands beside them.

A look follows from what a method is (the ``guidance`` of a method, the ``kind`` of a baseline) and
from its name, never from who else is in the chart. Hues are those of Okabe and Ito where they
last; each look has a marker of its own, so that a greyscale print reads the same. A second
method of one kind has a hollow marker and another line, and its own name behind that of the kind.

Depends on: the ink of :mod:`.style`.
References: https://jfly.uni-koeln.de/color/ (colour universal design)
"""

__all__ = ["CLASSICAL", "REFERENCES", "Legend", "Look", "words"]

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .style import INK

Line = str | tuple[int, tuple[float | int, ...]]


@dataclass(frozen=True)
class Look:
    """The look of a method in every chart.

    Arguments:
        label: Its name in words.
        short: The same for the head of a column.
        colour: Its colour.
        marker: Its marker (matplotlib).
        line: Its line style (matplotlib).
        hollow: Whether its marker is not filled.
    """

    label: str
    short: str
    colour: str
    marker: str
    line: Line
    hollow: bool = False

    def style(self, *, size: float = 5.5) -> dict[str, object]:
        """The look of its marker and line, for matplotlib."""
        bar = self.marker == "|"
        return {
            "color": self.colour, "marker": self.marker, "linestyle": self.line,
            "markersize": size * (1.6 if bar else 1.0),
            "markeredgewidth": 2.2 if bar else 1.2 if self.hollow else 0.8,
            "markerfacecolor": "none" if self.hollow else self.colour,
        }  # fmt: skip


REFERENCES = {
    "climatology": Look("Climatology", "Clim.", "#8a9099", "s", ":"),
    "reconstruction": Look("Autoencoder floor", "Floor", INK, "|", "-."),
    "prior": Look("Prior, no observations", "Prior", "#d58a00", "D", "--"),
}
# Baselines by kind, or by the guidance that makes them.
CLASSICAL = {
    "optimal_interpolation": Look("Optimal interpolation", "OI", "#d55e00", "^", (0, (6, 1.5))),
    "letkf": Look("LETKF", "LETKF", "#009e73", "v", (0, (4, 1.5, 1, 1.5))),
    "gaussian_process": Look("Kriging", "Kriging", "#7a5230", ">", (0, (3, 1))),
    "cressman": Look("Cressman", "Cressman", "#6b4fa0", "P", (0, (2, 2))),
    "climatology": Look("Climatological ensemble", "Clim. ens.", "#5f6b76", "p", (0, (1, 1.5))),
    "persistence": Look("Persistence", "Persist.", "#cc79a7", "X", (0, (1, 1))),
    "latent_3dvar": Look("Latent 3D-Var", "3D-Var", "#56b4e9", "<", (0, (5, 1, 1, 1, 1, 1))),
    "latent_4dvar": Look("Latent 4D-Var", "4D-Var", "#0b4f8a", "h", (0, (8, 1.5, 2, 1.5))),
    "mmps_gaussian": Look("Gaussian prior alone", "Gaussian", "#a5263c", "*", (0, (3, 1, 1, 1))),
}
_POSTERIORS = (
    ("#1080c8", "o", "-", False),
    ("#7a2fb0", "o", (0, (10, 1)), True),
    ("#0a7d7d", "d", (0, (10, 2)), False),
    ("#b3367f", "d", (0, (10, 1, 1, 1)), True),
    ("#3b5bdb", "H", (0, (10, 2, 2, 2)), False),
    ("#5c7f13", "H", (0, (12, 1, 1, 1, 1, 1)), True),
)
_OTHERS = ("1", "2", "3", "4", "+", "x")  # markers of a third of a kind


@dataclass(frozen=True)
class Legend:
    """Names and looks of everything that a report compares.

    Arguments:
        kinds: The guidance of each method and the kind of each baseline, by name.
        variants: What each variant of a network changes, by name, and whether it changes
            ``every`` instrument.
    """

    kinds: Mapping[str, str]
    variants: Mapping[str, Mapping] = field(default_factory=dict)

    def look(self, method: str) -> Look:
        """Returns the look of a method, of a baseline or of a reference.

        Raises:
            ValueError: If there is none of this name.

        Example:
            >>> Legend({"mmps": "mmps"}).look("mmps").label
            'Posterior (mmps)'
        """
        if method in REFERENCES:
            return REFERENCES[method]
        if method not in self.kinds:
            known = ", ".join([*REFERENCES, *self.kinds])
            raise ValueError(f"the configuration has no method {method!r}; it has {known}")
        if not self.classical(method):
            place = self.posteriors(self.kinds).index(method)
            colour, marker, line, hollow = _POSTERIORS[place % len(_POSTERIORS)]
            return Look(f"Posterior ({method})", method, colour, marker, line, hollow)
        kind = self.kinds[method]
        alike = sorted(n for n in self.kinds if self.kinds[n] == kind)
        alike.sort(key=lambda n: n != kind)  # the one that is named like its kind comes first
        own = CLASSICAL[kind]
        return own if alike == [method] else _told_apart(own, method, alike.index(method))

    def label(self, method: str) -> str:
        """Its name in words."""
        return self.look(method).label

    def short(self, method: str) -> str:
        """Its name for the head of a column."""
        return self.look(method).short

    def classical(self, method: str) -> bool:
        """Whether a method is a baseline that sees what the posterior sees."""
        return self.kinds.get(method) in CLASSICAL

    def posteriors(self, methods: Iterable[str]) -> list[str]:
        """Those of some methods that draw from a diffusion posterior, as they are configured."""
        given, places = set(methods), {name: k for k, name in enumerate(self.kinds)}
        own = [name for name in given if name not in REFERENCES and not self.classical(name)]
        return sorted(own, key=lambda name: (places.get(name, len(places)), name))

    def order(self, methods: Iterable[str]) -> list[str]:
        """Some methods in the order of every chart: references, baselines, posteriors.

        Example:
            >>> kinds = {"mmps": "mmps", "oi": "optimal_interpolation"}
            >>> Legend(kinds).order(["oi", "mmps", "prior", "climatology"])
            ['climatology', 'prior', 'oi', 'mmps']
        """
        given = set(methods)
        kinds = list(CLASSICAL)
        baselines = [name for name in given if self.classical(name) and name not in REFERENCES]
        baselines.sort(key=lambda name: (kinds.index(self.kinds[name]), name))
        return [*(n for n in REFERENCES if n in given), *baselines, *self.posteriors(given)]

    def network(self, name: str) -> str:
        """The name of a network; of a variant, what it changes.

        Example:
            >>> without = {"of": "n", "change": "deny", "instruments": ["big_buoys"]}
            >>> Legend({}, {"a": without}).network("a")
            'Without big buoys'
        """
        return _changed(self.variants[name]) if name in self.variants else words(name)

    def unchanged(self, network: str) -> str:
        """The network that one is a variant of, or itself."""
        return str(self.variants[network]["of"]) if network in self.variants else network


def words(name: str) -> str:
    """A name of the configuration as words.

    Example:
        >>> words("filtering_tiny")
        'Filtering tiny'
    """
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]


def _told_apart(own: Look, name: str, place: int) -> Look:
    """The look of one of several of a kind; the first has that of the kind."""
    look = replace(own, label=f"{own.label} ({name})", short=f"{own.short} ({name})")
    if place == 0:
        return look
    marker = own.marker if place == 1 else _OTHERS[(place - 2) % len(_OTHERS)]
    return replace(look, marker=marker, hollow=place == 1, line=(0, (1, 1 + place)))


def _changed(variant: Mapping) -> str:
    """Says what a variant of a network changes."""
    change, instruments = variant["change"], variant["instruments"]
    plain = [name.replace("_", " ") for name in instruments]
    if change in ("deny", "bias"):
        return f"{'Without' if change == 'deny' else 'Biased'} {_listed(plain)}"
    whole, one, scale = {
        "thin": ("{:.4g} % of observations", "{:.4g} % of {}", 100),
        "misstate": ("errors stated × {:.4g}", "errors stated × {:.4g} of {}", 1),
        "gross_errors": ("gross errors in {:.4g} %", "gross errors in {:.4g} % of {}", 100),
    }[change]
    values = list(instruments.values())
    if variant.get("every") and len(set(values)) == 1:
        return words(whole.format(values[0] * scale))
    said = [one.format(v * scale, n) for n, v in zip(plain, values, strict=True)]
    return words(_listed(said))


def _listed(plain: Sequence[str]) -> str:
    return plain[0] if len(plain) == 1 else f"{', '.join(plain[:-1])} and {plain[-1]}"
