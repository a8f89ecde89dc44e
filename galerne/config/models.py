"""The whole configuration, typed, and the JSON schema generated from it.

Blocks are named (``autoencoders: {small: ...}``); an experiment is a choice of names.
Products are filed under those names, so experiments share whatever they have in common.
"""

__all__ = ["Config", "checked", "json_schema"]

import json

from pydantic import Field, ValidationError, model_validator

from .audit import Audit
from .baselines import Baseline, Tuning
from .blocks import (
    Autoencoder,
    Dataset,
    Experiment,
    ObservingNetwork,
    Prior,
    Report,
)
from .checks import check_experiment, check_known
from .evaluation import Evaluation
from .methods import Method
from .paths import DataRoot, Name, ResultsFolder
from .sources import Transfer
from .strict import Strict
from .tasks import Task
from .variants import Variant


class Config(Strict):
    """The whole configuration of a run."""

    results: ResultsFolder = Field(description="Folder of all products.")
    resources: ResultsFolder = Field(
        description="Folder of downloads and caches, shared by all configurations."
    )
    seed: int = Field(ge=0, description="The one seed; every random draw is spawned from it.")
    data_root: DataRoot = Field(description="Folder that paths of input files start from.")
    threads: int = Field(ge=1, description="Threads of a job that trains.")
    retrain: bool = Field(
        description="Whether finished models are trained anew where the training or validation "
        "periods have changed; until then they wait."
    )
    transfer: Transfer
    run: list[Name] = Field(min_length=1, description="Experiments to run.")
    audit: Audit
    datasets: dict[Name, Dataset]
    autoencoders: dict[Name, Autoencoder]
    priors: dict[Name, Prior]
    networks: dict[Name, ObservingNetwork]
    variants: dict[Name, Variant]
    methods: dict[Name, Method]
    baselines: dict[Name, Baseline]
    tuning: Tuning
    tasks: dict[Name, Task]
    experiments: dict[Name, Experiment]
    evaluation: Evaluation
    report: Report

    def network_of(self, name: str) -> str:
        """The network itself, or the one that a variant is made of."""
        return self.variants[name].of if name in self.variants else name

    @model_validator(mode="after")
    def _references(self) -> "Config":
        for name in self.run:
            check_known("run", name, "experiments", self.experiments)
            check_experiment(self, name)
        return self


def checked(values: dict[str, object]) -> Config:
    """Returns the typed configuration.

    Raises:
        ValueError: Naming each key at fault, and what is wrong with it.
    """
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        lines = ["the configuration is not valid:"]
        for fault in error.errors():
            where = ".".join(map(str, fault["loc"])) or "config"
            unknown = fault["type"] == "extra_forbidden"
            lines.append(f"  {where}: {'unknown key' if unknown else fault['msg']}")
    raise ValueError("\n".join(lines))


def json_schema() -> str:
    """Returns the text of ``config/schema.json``."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(dialect | Config.model_json_schema(), indent=2) + "\n"
