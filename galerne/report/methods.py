"""What each method targets, and how it came by its settings.

Of a baseline, its products say which prior and which likelihood it targets, and ``tuning.json``
what was tried; of methods that guide the diffusion prior, this module does, after
:mod:`galerne.assimilate.methods`. Methods with unlike targets converge to unlike answers however
well they are solved, so a comparison should name both.

Depends on: nothing but the standard library.
References: https://arxiv.org/abs/2506.02249
"""

__all__ = ["methods_table"]

import json

from collections.abc import Mapping, Sequence
from pathlib import Path

from .legend import REFERENCES, Legend
from .tables import Table

DIFFUSION = (
    "Diffusion over windows of latent states, learned from the training data; where the method "
    "has a local part, a share of it is a localised covariance of training windows, which may "
    "count by resembling a first guess from the same observations"
)
GAUSSIAN = "That prior without the network, Gaussian over windows of latent states"
ERRORS = "Gaussian errors of the observations, seen through the decoder"
LIKELIHOODS = {
    "mmps": "moments matched with the covariance of the prior's Gaussian part",
    "mmps_published": "moments matched with the Jacobian of the network",
    "jfps": "with the covariance of the prior's Gaussian part",
    "tmpd": "with row sums in place of the covariance of clean states",
    "pgdm": "with an isotropic covariance of clean states",
    "diffpir": "as a penalty beside the mean of the prior",
    "sda": "with an error that grows with the noise",
    "dps": "as a step down the misfit, whatever its scale",
    "mmps_gaussian": "moments matched, exact for a linear decoder",
    "latent_3dvar": "state by state, Gauss–Newton",
    "latent_4dvar": "over the window, Gauss–Newton",
}
HEADER = ["Method", "Prior it targets", "Likelihood it targets", "Settings"]


def methods_table(
    folder: Path, choices: Sequence[Mapping[str, str]], legend: Legend
) -> Table | None:
    """Sets one row for each method and baseline: its prior, its likelihood, and how it was tuned.

    Arguments:
        folder: The folder of all products.
        choices: Names of dataset, autoencoder, prior, network, method and task.
        legend: What the methods are.
    """
    places = list(dict.fromkeys((c["dataset"], c["network"]) for c in choices))
    rows = []
    for method in legend.order(legend.kinds):
        if method in REFERENCES:
            continue
        kind = legend.kinds[method]
        if kind in LIKELIHOODS:
            prior = DIFFUSION if not legend.classical(method) else GAUSSIAN
            settings = "as configured; nothing was tuned in this run"
            cells = [prior, f"{ERRORS}; {LIKELIHOODS[kind]}", settings]
        else:
            prior, likelihood = _targets(folder, places, method)
            settings = _tuned(folder, places, method, legend)
            if kind == "persistence":
                settings = "those of the analysis that persists"
            cells = [prior, likelihood, settings]
        rows.append([legend.label(method), *cells])
    if not rows:
        return None
    return Table("What each method targets, and how it was tuned", [], HEADER, rows, len(HEADER))


def _targets(folder: Path, places: Sequence[tuple[str, str]], method: str) -> tuple[str, str]:
    """What the products of a baseline say of their prior and likelihood."""
    for dataset, network in places:
        pattern = f"{dataset}/baselines/{network}/{method}/*/*/*/manifest.json"
        for path in sorted(folder.glob(pattern)):
            about = json.loads(path.read_text()).get("attributes", {})
            return _sentence(about.get("prior", "–")), _sentence(about.get("likelihood", "–"))
    return "–", "–"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _tuned(folder: Path, places: Sequence[tuple[str, str]], method: str, legend: Legend) -> str:
    """What was tried for a baseline on which windows, and what was kept."""
    said: dict[str, list[str]] = {}
    for dataset, network in places:
        path = folder / dataset / "baselines" / network / method / "tuning.json"
        if path.is_file():
            said.setdefault(_kept(json.loads(path.read_text())), []).append(network)
    if not said:
        return "as configured; nothing to tune"
    if len(said) == 1:
        return next(iter(said))
    return "; ".join(f"{', '.join(map(legend.network, n))}: {text}" for text, n in said.items())


def _kept(tuning: Mapping) -> str:
    """What one file of tuning says."""
    tried = [one["settings"] for one in tuning["tried"]]
    varied = [k for k in tuning["chosen"] if len({json.dumps(one[k]) for one in tried}) > 1]
    kept = ", ".join(f"{k.replace('_', ' ')} {tuning['chosen'][k]:g}" for k in varied)
    count = len(tuning["windows"])
    return f"{len(tried)} tried on {count} validation window{'s' * (count != 1)}; kept {kept}"
