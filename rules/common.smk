"""Names and helpers shared by every rule file; holds no rule.

Products are filed under the names of the choices that made them:
{dataset}/{autoencoder}/{prior}/{network}/{method}/{task}/{window}.
"""

from functools import cache, partial
from math import inf
from pathlib import Path

from galerne import provenance
from galerne.cluster.guard import begin, end
from galerne.cluster.site import Site
from galerne.config.choices import Choices, members_in
from galerne.config.effective import defaults, effective, named
from galerne.config.layout import Layout
from galerne.config.methods import REFERENCES
from galerne.config.models import checked
from galerne.config.training import ask, learning_periods
from galerne.provenance import sample_digest, settings_digest

try:
    CONFIG = checked(config)
except ValueError as error:
    raise WorkflowError(str(error)) from None
CHOICES = Choices(CONFIG)
LAYOUT = Layout(CHOICES)
QUESTION = ask(CHOICES)
BLIND = ("climatology", "prior", "reconstruction")  # what sees no observation
# What is fetched is what lies in the archive, byte for byte, whatever code does it.
DOWNLOADING = tuple(
    f"galerne.source.{name}"
    for name in ("copernicus", "mirror", "remote_zarr", "transport")
)
results = LAYOUT.results
shared = LAYOUT.resources


def logs(*parts: str) -> str:
    """Path of the log of a job."""
    return results("logs", *parts) + ".log"


def benchmarks(*parts: str) -> str:
    """Path of the time and memory of a job."""
    return results("benchmarks", *parts) + ".tsv"


def source_digest(script: str, without=lambda wildcards: ()):
    """A params function: the digest of what a script reaches, taken when a job needs it."""
    return lambda wildcards: provenance.source_digest(script, without(wildcards))


@cache
def settings(block: str, name: str) -> dict:
    """A named block of the configuration as plain values, for params; not to be changed."""
    return getattr(CONFIG, block)[name].model_dump(mode="json")


def part_of(block: str, name: str, *keys: str) -> dict:
    """Some keys of a named block, for params."""
    values = settings(block, name)
    return {key: values[key] for key in keys}


def of(block: str):
    """A params function: the block that the wildcard of the same name chooses."""
    return lambda wildcards: settings(block, getattr(wildcards, block.rstrip("s")))


def spawned(*parts: str) -> int:
    """A seed for one use, spawned from the one seed of the configuration."""
    return int(settings_digest(CONFIG.seed, *parts), 16) % 2**31


def longest(rule: str = "") -> float:
    """The longest time limit that the site allows for a job of a rule [min]."""
    return Site.read().longest(rule)


def drawing_processes() -> int:
    """The processes that share a draw, each with a core and memory of its own."""
    return Site.read().drawing_processes


def growing(amount: int, most=lambda: inf):
    """A resource function: more with every attempt, up to a limit."""
    return lambda wildcards, attempt: min(amount * attempt, most())


def fields_of(*roles: str):
    """An input function: the regridded fields of the periods with one of these roles."""
    return lambda wildcards: LAYOUT.fields(wildcards.dataset, *roles)


def climatology_of(wildcards) -> str:
    """An input function: the climatology of the training periods."""
    return LAYOUT.statistic(wildcards.dataset, "climatology", "manifest.json")


def asking(inputs):
    """An input function of a training: refuses where the model waits for an answer."""

    def refuse_or(wildcards):
        names = [wildcards.dataset, wildcards.autoencoder, wildcards.get("prior")]
        path = results(*filter(None, names), "model.json")
        if QUESTION.concerns(Path(path)):
            raise WorkflowError(
                f"{path} is finished, and would be trained anew on other periods (see above): "
                "say so by --config retrain=true, or take the old periods back"
            )
        return inputs(wildcards)

    return refuse_or


def latents_of(*roles: str):
    """An input function: the latents of the periods with one of these roles."""
    return lambda w: LAYOUT.latents(w.dataset, w.autoencoder, *roles)


def checkpoints(*parts: str):
    """A params function: where a job saves its progress, no declared output of it."""
    return lambda wildcards: results("checkpoints", *parts).format(**wildcards)


def network_of(wildcards, *keys: str) -> dict:
    """Some settings of a prior's network, for params."""
    network = settings("priors", wildcards.prior)["network"]
    return {key: network[key] for key in keys}


def sigmas_of(wildcards) -> dict:
    """The noise levels of a prior, and the precision of its networks, for params."""
    return part_of("priors", wildcards.prior, "sigma_min", "sigma_max", "precision")


def overlap_of(wildcards, task: dict | None = None) -> int | None:
    """The overlap of a prior's windows, for params; none where one window is all there is."""
    prior = settings("priors", wildcards.prior)
    step = settings("datasets", wildcards.dataset)["step_hours"]
    hours = (task or {}).get("window_hours")
    hours = int(wildcards.window[12:-1]) if hours is None else hours
    return prior["overlap"] if hours > (prior["states"] - 1) * step else None


def draw_of(wildcards) -> dict:
    """What draws members of a posterior, for params; every method has the same noise."""
    w = wildcards
    return {
        "members": members_in(w.batch),
        "step_hours": settings("datasets", w.dataset)["step_hours"],
        "sigmas": sigmas_of(w),
        "method": settings("methods", w.method),
        "task": settings("tasks", w.task),
        "overlap": overlap_of(w, settings("tasks", w.task)),
        "seed": spawned("draw", w.dataset, CONFIG.network_of(w.network), w.window),
    }


def variant_of(wildcards) -> dict:
    """What a variant of a network changes, for params."""
    values = settings("variants", wildcards.network)
    return {key: value for key, value in values.items() if key != "of"}


def baseline_of(wildcards) -> dict:
    """The settings of a baseline, for params; of what persists, those of the analysis."""
    block = settings("baselines", wildcards.baseline)
    if block["kind"] == "persistence":
        return {"persists": True} | settings("baselines", block["of"])
    return {"persists": False} | block


def asked_of(wildcards) -> dict:
    """What a task asks for, however it is drawn, for params."""
    task = settings("tasks", wildcards.task)
    return {key: task[key] for key in ("kind", "now_hours") if key in task}


def trained_of(name: str):
    """An input function: what a baseline is made from of one sort, if it is."""
    return lambda w: LAYOUT.baseline_inputs(w, w.baseline).get(name, [])


def tuning_of(wildcards) -> list[str]:
    """The windows that baselines of a dataset are tuned on."""
    return CHOICES.tuning_windows(wildcards.dataset)


def periods_of(wildcards) -> dict:
    """The periods that models of a dataset learn from, for params."""
    return learning_periods(CONFIG.datasets[wildcards.dataset])


def state_of(wildcards) -> dict:
    """The variables and levels of a dataset's state, for params."""
    return part_of("datasets", wildcards.dataset, "surface", "pressure", "levels")


def truth_of(wildcards) -> str:
    """An input function: the regridded fields of the test period that holds the window."""
    return LAYOUT.truth(wildcards.dataset, wildcards.window)


def windows_of(wildcards) -> list[str]:
    """Windows of every running experiment that makes the choices of some wildcards."""
    return CHOICES.windows(wildcards.dataset, wildcards.prior, wildcards.network)


def mapped_of(wildcards) -> list[str]:
    """Those of the windows that the report maps."""
    w = wildcards
    return CHOICES.mapped_windows(w.dataset, w.prior, w.network)


def members_of(wildcards, *names: str, method: str = "") -> list[str]:
    """The ensemble of a method, or of a baseline, in some windows: every batch of members."""
    windows = names or windows_of(wildcards)
    return LAYOUT.members(wildcards, windows, method or wildcards.method)


def drawn_of_prior(wildcards, window: str) -> list[str]:
    """Draws of the prior to map beside a method; baselines stand beside the method."""
    if wildcards.method in CONFIG.baselines:
        return []
    return members_of(wildcards, window, method="prior")[:1]


def maps_shown(wildcards) -> list[str]:
    """An input function: the maps of every choice and window that the page shows."""
    return [results(*m.values(), "maps", "manifest.json") for m in CHOICES.mapped()]


def observations_shown(wildcards) -> list[str]:
    """An input function: the observations of each of these."""
    return [
        LAYOUT.observations(m["dataset"], m["network"], m["window"])
        for m in CHOICES.mapped()
    ]


def archive_files(wildcards) -> list[str]:
    """The file, store or folder of an archive; nothing for a dataset from elsewhere.

    Its age does not count: a folder is as new as the last file that was added to it, which is
    no reason to fetch the years before once more.
    """
    source = settings("datasets", wildcards.dataset)["source"]
    if source["kind"] != "archive" or "://" in source["path"]:
        return []
    path = LAYOUT.input_file(source["path"])
    if not Path(path).exists():
        raise WorkflowError(
            f"datasets.{wildcards.dataset}.source.path: there is no {path} "
            f"(relative paths start at data_root, which is {CONFIG.data_root!r})"
        )
    return [ancient(path)]


def archive_content(wildcards) -> list[str]:
    """What tells one file of an archive from another; folders and stores are taken as they are."""
    return [
        sample_digest(str(f)) for f in archive_files(wildcards) if Path(f).is_file()
    ]


def scored_members_of(wildcards) -> list[str]:
    """The members that are scored: all, or those that are there where others may be missing."""
    wanted = members_of(wildcards)
    there = [path for path in wanted if Path(path).is_file()]
    return there if there and CONFIG.evaluation.missing_members == "skip" else wanted


def judged_by(wildcards) -> dict:
    """What ensembles are judged by, for params."""
    keys = ("crps", "missing_members", "thresholds", "distances_km", "density_degrees")
    return {key: getattr(CONFIG.evaluation, key) for key in keys}


def scored(*parts: str) -> list[str]:
    """A file of the scores of every choice, baselines included."""
    return [results(*choice.values(), *parts) for choice in CHOICES.scored()]


def scored_tables(wildcards, name: str) -> list[str]:
    """An input function: a table of every choice that is scored."""
    return scored("tables", f"{name}.parquet")


def judged_methods() -> list[str]:
    """Methods that are compared with all others: of several, not those that know no network."""
    names = list(dict.fromkeys(choice["method"] for choice in CHOICES.asked()))
    learned = [n for n in names if CONFIG.methods[n].guidance not in REFERENCES]
    return learned or names


def classical_baselines() -> list[str]:
    """Baselines that see what methods see, without their models."""
    methods = {choice["method"] for choice in CHOICES.asked()}
    others = methods | {"prior", "reconstruction"}  # one sees nothing, one the truth
    names = dict.fromkeys(choice["method"] for choice in CHOICES.scored())
    return [name for name in names if name not in others]


def manifests_of(wildcards) -> list[str]:
    """An input function: what was downloaded for a period; nothing if it comes from elsewhere."""
    return LAYOUT.manifests(wildcards.dataset, wildcards.period)


def stretch_of(wildcards) -> dict:
    """Variables, levels and times of a stretch to download, for params."""
    return LAYOUT.stretch(wildcards.request, wildcards.stretch)


def origin_of(wildcards) -> dict:
    """The archive of a stretch to download, for params."""
    return LAYOUT.requests[wildcards.request]["source"]


def source_of(wildcards) -> dict:
    """The source of a period, for params: a nature run draws its seed from the names."""
    source = settings("datasets", wildcards.dataset)["source"]
    if source["kind"] == "nature_run":
        seed = spawned("source", wildcards.dataset, wildcards.period)
        return source | {"seed": seed, "path_cache": shared("nature_run")}
    if manifests_of(wildcards):
        return {"kind": "mirror"}
    return source | {"path": str(archive_files(wildcards)[0])}


def other_sources(wildcards) -> tuple[str, ...]:
    """Modules that fetch what a dataset does not come from: their code is not its code."""
    kind = source_of(wildcards)["kind"]
    own = {"archive": ["archive"], "mirror": ["archive", "stretch"]}.get(kind, [kind])
    names = {"archive", "nature_run", "stretch"} - set(own)
    return tuple(f"galerne.source.{name}" for name in sorted(names)) + DOWNLOADING


def selection_of(wildcards) -> dict:
    """Variables, levels and times of a period, for params."""
    block = settings("datasets", wildcards.dataset)
    period = block["periods"][wildcards.period]
    state = state_of(wildcards) | {"step_hours": block["step_hours"]}
    return state | {"start": period["start"], "end": period["end"]}


def times_of(wildcards) -> dict:
    """The first and last time of a period and the step between its states, for params."""
    return {
        key: value
        for key, value in selection_of(wildcards).items()
        if key in ("start", "end", "step_hours")
    }


def excluded_of(wildcards) -> list[list[str]]:
    """The excluded spans of a dataset that touch a period, for params."""
    dataset = CONFIG.datasets[wildcards.dataset]
    period = dataset.periods[wildcards.period]
    return [
        [span.start.isoformat(), span.end.isoformat()]
        for span in dataset.exclude
        if span.touches(period.start, period.end)
    ]


def words_of_jobs() -> dict[str, str]:
    """What the command of every job holds, besides files and names of this configuration."""
    given = workflow.config_settings.config_args or []
    paths = map(str, (workflow.basedir, Path.cwd(), *workflow.overwrite_configfiles))
    named = {f"--config {arg.partition('=')[0]}": arg for arg in given}
    return named | {path: path for path in paths}


def batches_of_trainings() -> dict[str, int]:
    """The batch size of each training, by its key."""
    found = {
        f"autoencoders.{name}.batch_size": block.batch_size
        for name, block in CONFIG.autoencoders.items()
    }
    return found | {
        f"priors.{name}.network.batch_size": block.network.batch_size
        for name, block in CONFIG.priors.items()
    }


def planned_jobs():
    """Of each job of the plan its rule, the stage of it, and the rules it waits for."""
    for job, needed in workflow.dag.dependencies.items():
        stage = Path(job.rule.snakefile).stem
        yield job.rule.name, stage, [one.rule.name for one in needed]


def begin_run(slurm: bool) -> None:
    """Takes the folder of results for this run; waits for what an earlier one left."""
    from galerne.cluster.doctor import check_before_submitting  # not in every job
    from galerne.report.rulegraph import note_rules

    site, root = Site.read(), Path(CONFIG.results)
    try:
        check_before_submitting(
            site,
            root,
            slurm=slurm,
            words=words_of_jobs(),
            batches=batches_of_trainings(),
        )
        begin(
            root,
            slurm=slurm,
            leftovers=site.leftovers,
            poll_seconds=site.poll_seconds,
            say=logger.warning,
        )
        note_rules(planned_jobs(), root)
    except RuntimeError as error:
        raise WorkflowError(str(error)) from None


wildcard_constraints:
    record="|".join(LAYOUT.records.values()),
    dataset=r"[a-z][a-z0-9_]*",
    autoencoder=r"[a-z][a-z0-9_]*",
    prior=r"[a-z][a-z0-9_]*",
    network=r"[a-z][a-z0-9_]*",
    method=r"[a-z][a-z0-9_]*",
    baseline=r"[a-z][a-z0-9_]*",
    task=r"[a-z][a-z0-9_]*",
    period=r"[a-z][a-z0-9_]*",
    origin=r"[a-z][a-z0-9_-]*",
    request=r"[0-9a-f]{12}",
    stretch=r"\d{4}|\d{6}|\d{8}T\d{2}-\d{8}T\d{2}",
    window=r"\d{8}T\d{2}_\d+h",
    batch=r"\d+-\d+",
