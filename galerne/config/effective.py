"""The part of a configuration that makes the products of a run: what its report shows.

Blocks that no running experiment names are left out, and so are keys that say where and how a
run is done, not what it makes: a report is the same on another machine.

Depends on: nothing but the configuration.
"""

__all__ = ["SHAPE", "defaults", "effective", "matching", "named"]

from pathlib import Path

import yaml

from .models import Config

SHAPE = ("data_root", "retrain", "threads", "transfer")
_NAMED = {  # block -> the key of an experiment that names from it
    "datasets": "dataset",
    "autoencoders": "autoencoder",
    "priors": "prior",
    "networks": "networks",
    "methods": "methods",
    "baselines": "baselines",
    "tasks": "tasks",
}


def effective(config: Config) -> dict[str, object]:
    """Returns what makes the products, as plain values in the order of the configuration."""
    plain = config.model_dump(mode="json", exclude=set(SHAPE))
    plain["experiments"] = _only(plain["experiments"], set(config.run))
    for block, key in _NAMED.items():
        named = [experiment[key] for experiment in plain["experiments"].values()]
        names = {n for one in named for n in ([one] if isinstance(one, str) else one)}
        if block == "networks":
            plain["variants"] = _only(plain["variants"], names)
            names |= {config.network_of(name) for name in names}
        if block == "baselines":  # what persists is another's analysis
            names |= {plain[block][n]["of"] for n in names if "of" in plain[block][n]}
        plain[block] = _only(plain[block], names)
    return plain


def defaults(config: Config, path: Path) -> dict[str, object]:
    """Returns the values that the keys shown have in the file of defaults."""
    return matching(yaml.safe_load(path.read_text()), effective(config))


def named(config: Config) -> dict[str, dict]:
    """Returns what methods, baselines and variants are, which names in the report follow from.

    Returns:
        ``kinds``, the guidance of each method and the kind of each baseline, and ``variants``,
        what each changes and whether it changes ``every`` instrument of its network.
    """
    shown = effective(config)
    kinds = {name: block["guidance"] for name, block in shown["methods"].items()}
    kinds |= {name: block["kind"] for name, block in shown["baselines"].items()}
    variants = {}
    for name, block in shown["variants"].items():
        instruments = shown["networks"][block["of"]]["instruments"]
        variants[name] = block | {"every": set(instruments) == set(block["instruments"])}
    return {"kinds": kinds, "variants": variants}


def matching(default: dict, shown: dict) -> dict[str, object]:
    """Returns the keys of a nested mapping that another one has too.

    Example:
        >>> matching({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 5}})
        {'a': {'b': 1}}
    """
    return {
        key: matching(value, shown[key])
        if isinstance(value, dict) and isinstance(shown[key], dict)
        else value
        for key, value in default.items()
        if key in shown
    }


def _only(block: dict[str, object], names: set[str]) -> dict[str, object]:
    return {name: value for name, value in block.items() if name in names}
