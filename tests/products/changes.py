"""The table of what reruns when: kinds of change to a finished run, and the jobs that follow.

It is read as: after this change, exactly these jobs. It is laid out by hand, from what each
module, key and file is for; Snakemake is asked by the tests.
"""

import ast
import random
import re

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import yaml

from snakemake.utils import update_config

from .conftest import CONFIG, ROOT
from .workspace import Workspace

Jobs = dict[str, int]

# Every job of the tiny run: 3 periods, 2 windows, 3 tasks, 2 batches of members; 2 windows more
# that baselines are tuned on, and 2 baselines, one of forecasts alone.
EVERYTHING: Jobs = {
    "fetch_period": 3,
    "audit_period": 3,
    "check_period": 3,
    "regrid_period": 3,
    "compute_moments": 1,
    "pool_moments": 1,
    "compute_harmonics": 1,
    "pool_climatology": 1,
    "draw_climatology": 2,
    "pool_covariance": 1,
    "tune_baseline": 1,
    "draw_baseline": 8,
    "train_autoencoder": 1,
    "encode_period": 2,
    "reconstruct_window": 2,
    "pool_latent_moments": 1,
    "train_prior": 1,
    "sample_prior": 4,
    "place_instruments": 1,
    "simulate_observations": 4,
    "draw_posterior": 12,
    "score_members": 16,
    "pool_scores": 1,
    "compare_methods": 1,
    "pool_diagnostics": 1,
    "compute_maps": 14,
    "plot_maps": 3,
    "plot_scores": 1,
    "write_report": 1,
}


def jobs(*rules: str | Jobs, **counts: int) -> Jobs:
    """All jobs of some rules, or as many as are said."""
    found: Jobs = {}
    for rule in rules:
        found |= {rule: EVERYTHING[rule]} if isinstance(rule, str) else rule
    return found | counts


def but(some: Jobs, *rules: str) -> Jobs:
    """Some jobs without those of some rules."""
    return {name: count for name, count in some.items() if name not in rules}


# What follows from a change, by where it begins. Of the scores, three are of the posterior and
# three each of climatology, prior and reconstruction; four are of baselines, which no model makes.
# Of the maps, six are of the posterior, beside a draw of the prior, and eight of baselines.
NOTHING: Jobs = {}
PAGE = jobs("write_report")
POOLED = jobs("pool_scores", "plot_scores", PAGE)
COMPARED = jobs("compare_methods", "pool_diagnostics", POOLED)
SCORES = jobs("score_members", COMPARED)
CHARTED = jobs("compare_methods", "plot_scores", PAGE)
DIAGNOSED = jobs("pool_diagnostics", "plot_scores", PAGE)
INFERRED = jobs(CHARTED, DIAGNOSED)
MAPS = jobs("compute_maps", "plot_maps", PAGE)
JUDGED = jobs(SCORES, MAPS)
DRAWN = jobs("draw_posterior", JUDGED, score_members=3, compute_maps=6)
HALF = "variants.half={of: tiny, change: thin, instruments: {stations: 0.5}}"
EVEN = ("methods.mmps.placement=even", "methods.mmps.local=null")  # what others than redraw need
PLAIN = ("methods.mmps.modes=0", *EVEN)  # what others than cg need
SAMPLED = jobs("sample_prior", JUDGED, score_members=3, compute_maps=6)
BOTH = jobs(SAMPLED, DRAWN, score_members=6)
BASED = jobs("draw_baseline", COMPARED, score_members=4, compute_maps=8)
TUNED = jobs("tune_baseline", BASED)
COVARIED = jobs("pool_covariance", TUNED)
REDRAWN = jobs(
    BOTH, TUNED, score_members=10, compute_maps=14
)  # whatever draws members, baselines too
OBSERVED = jobs("simulate_observations", TUNED, DRAWN, score_members=16, compute_maps=14)
TESTED = but(OBSERVED, "tune_baseline") | {"simulate_observations": 2}  # not in the validation
PLACED = jobs("place_instruments", OBSERVED)
TRAINED = jobs("train_prior", BOTH, score_members=6)
GAUSSIAN = jobs("pool_latent_moments", TRAINED, score_members=6)
ENCODED = jobs("encode_period", "reconstruct_window", GAUSSIAN, score_members=9)
LATENT = jobs("train_autoencoder", ENCODED)
DECODED = jobs(
    LATENT, COVARIED, score_members=13, compute_maps=14
)  # code that both standardise and encode with
STANDARDISED = jobs("pool_climatology", "draw_climatology", DECODED, score_members=16)
CLIMATE = jobs("compute_harmonics", STANDARDISED)
GRIDDED = jobs("regrid_period", "compute_moments", "pool_moments", CLIMATE, OBSERVED)
AUDITED = jobs("check_period", GRIDDED)  # an ancient input would hide other changes
MEASURED = jobs("audit_period", AUDITED)
FETCHED = jobs("fetch_period", MEASURED, GRIDDED)
ONE_TASK = jobs(DRAWN, draw_posterior=4, score_members=5, compute_maps=2, plot_maps=1)
WINDOWED = jobs("draw_climatology", "reconstruct_window", BOTH, TESTED)  # all that has windows
ACROSS = jobs(SAMPLED, draw_posterior=4, score_members=4)  # windows longer than the prior's


class Change(NamedTuple):
    """A change, and the jobs that follow from it."""

    name: str
    make: Callable[[Workspace], Sequence[str]]  # returns further arguments
    expected: Jobs


def edited(path: str) -> Callable[[Workspace], Sequence[str]]:
    """Another body of a function of a module."""

    def make(space: Workspace) -> Sequence[str]:
        lines = space.read(path).splitlines(keepends=True)
        for node in ast.walk(ast.parse("".join(lines))):
            body = getattr(node, "body", [])
            if isinstance(node, ast.FunctionDef) and body[bool(ast.get_docstring(node)) :]:
                first = body[bool(ast.get_docstring(node))]
                lines.insert(first.lineno - 1, " " * first.col_offset + "print(0)\n")
                break
        else:
            lines.append("ANOTHER = 0\n")
        space.write(path, "".join(lines))
        return ()

    return make


def replaced(path: str, old: str, new: str) -> Callable[[Workspace], Sequence[str]]:
    """Other words in a file."""

    def make(space: Workspace) -> Sequence[str]:
        assert re.search(old, space.read(path), re.MULTILINE), old
        space.write(path, re.sub(old, new, space.read(path), count=1, flags=re.MULTILINE))
        return ()

    return make


def configured(*overlays: str) -> Callable[[Workspace], Sequence[str]]:
    """Other values of keys, by their paths: `a.b=1`."""

    def make(space: Workspace) -> Sequence[str]:
        change: dict[str, Any] = {}
        for overlay in overlays:
            path, _, value = overlay.partition("=")
            *parents, last = path.split(".")
            block = change
            for key in parents:
                block = block.setdefault(key, {})
            block[last] = yaml.safe_load(value)
        space.write("change.yaml", yaml.safe_dump(change))
        return ("change.yaml",)

    return make


def called(*arguments: str) -> Callable[[Workspace], Sequence[str]]:
    """Other arguments of the call."""
    return lambda space: arguments


def touched(seed: int) -> Callable[[Workspace], Sequence[str]]:
    """Every file and folder newer than it was, in an order of its own, or in the reverse of it."""

    def make(space: Workspace) -> Sequence[str]:
        paths = sorted(path for path in space.folder.rglob("*") if ".snakemake" not in path.parts)
        random.Random(abs(seed)).shuffle(paths)
        start = max(path.stat().st_mtime for path in paths) + 1
        for k, path in enumerate(paths if seed > 0 else reversed(paths)):
            space.touch(path, start + k)
        return ()

    return make


# Code: a function of a module does something else.
MODULES = {
    "__init__.py": EVERYTHING,
    "archives.py": NOTHING,  # the tiny run downloads nothing
    "arrays.py": FETCHED,
    "catalogue.py": jobs(FETCHED, "place_instruments"),
    "products.py": EVERYTHING,
    "reading.py": jobs("compute_moments", "pool_moments", DECODED),
    "shards.py": jobs("compute_moments", "pool_moments", DECODED),
    "rounding.py": EVERYTHING,
    "provenance.py": NOTHING,
    "stages.py": PAGE,  # the rules of the run are drawn by stage
    "config/models.py": NOTHING,
    "config/choices.py": NOTHING,
    "cluster/guard.py": NOTHING,
    "jobs/job.py": NOTHING,
    "jobs/receipt.py": NOTHING,
    "jobs/memory.py": NOTHING,
    "jobs/interrupt.py": NOTHING,
    "source/archive.py": NOTHING,  # the tiny run simulates
    "source/copernicus.py": NOTHING,
    "source/expver.py": NOTHING,
    "source/names.py": NOTHING,
    "source/stretch.py": NOTHING,
    "source/remote_zarr.py": NOTHING,
    "source/transport.py": NOTHING,
    "source/nature_run.py": FETCHED,
    "source/spinup.py": FETCHED,
    "source/vertical.py": FETCHED,
    "source/integrity.py": FETCHED,
    "source/selection.py": FETCHED,
    "source/exclusion.py": jobs("check_period", GRIDDED),
    "audit/record.py": MEASURED,
    "audit/balance.py": jobs(MEASURED, SCORES),
    "audit/judgement.py": AUDITED,
    "audit/seams.py": AUDITED,
    "grid/areas.py": jobs(MEASURED, GRIDDED),
    "grid/latlon.py": jobs(MEASURED, GRIDDED),
    "grid/regrid.py": GRIDDED,
    "grid/weights.py": GRIDDED,
    "stats/moments.py": jobs("compute_moments", "pool_moments", PAGE),
    "stats/climatology.py": CLIMATE,
    "stats/logarithm.py": CLIMATE,
    "stats/hourly.py": NOTHING,  # the tiny run does not ask for it
    "stats/transform.py": STANDARDISED,
    "nn/blocks.py": DECODED,
    "nn/checkpoint.py": DECODED,
    "nn/fit.py": LATENT,
    "nn/parallel.py": jobs(LATENT, TUNED, score_members=13, compute_maps=14),
    "nn/precision.py": DECODED,
    "nn/progress.py": LATENT,
    "latent/autoencoder.py": DECODED,
    "latent/record.py": DECODED,
    "latent/training.py": LATENT,
    "prior/gaussian.py": jobs(GAUSSIAN, TUNED, score_members=10, compute_maps=14),
    "prior/window.py": GAUSSIAN,
    "prior/backbone.py": jobs(TRAINED, TUNED, score_members=10, compute_maps=14),
    "prior/training.py": TRAINED,
    "prior/integrator.py": BOTH,
    "prior/trajectory.py": BOTH,
    "prior/chain.py": REDRAWN,
    "prior/composition.py": REDRAWN,
    "prior/checkpoint.py": BOTH,
    "prior/batches.py": BOTH,
    "prior/ensemble.py": BOTH,
    "prior/footprint.py": REDRAWN,
    "observe/network.py": PLACED,
    "observe/noise.py": PLACED,
    "observe/instrument.py": OBSERVED,
    "observe/operator.py": OBSERVED,
    "observe/correlation.py": OBSERVED,
    "observe/derived.py": OBSERVED,
    "observe/height.py": OBSERVED,
    "observe/orbit.py": OBSERVED,
    "observe/table.py": OBSERVED,
    "observe/task.py": jobs(TUNED, DRAWN, score_members=16, compute_maps=14),
    "observe/legs.py": DRAWN,
    "observe/variant.py": NOTHING,  # the tiny run has none
    "observe/window.py": jobs(
        "draw_climatology", "reconstruct_window", SAMPLED, OBSERVED, score_members=16
    ),
    "assimilate/forward.py": jobs(TUNED, DRAWN, score_members=7, compute_maps=14),
    "assimilate/guidance.py": DRAWN,
    "assimilate/corrections.py": DRAWN,
    "assimilate/evidence.py": DRAWN,
    "assimilate/methods.py": DRAWN,
    "assimilate/whitening.py": jobs(TUNED, DRAWN, score_members=7, compute_maps=14),
    "assimilate/linear.py": jobs(TUNED, DRAWN, score_members=7, compute_maps=14),
    "assimilate/variational.py": jobs(TUNED, DRAWN, score_members=7, compute_maps=14),
    "assimilate/latent_variational.py": DRAWN,
    "assimilate/posterior.py": DRAWN,
    "assimilate/carried.py": DRAWN,
    "baselines/covariance.py": COVARIED,
    "baselines/cressman.py": TUNED,
    "baselines/fields.py": TUNED,
    "baselines/interpolation.py": TUNED,
    "baselines/letkf.py": TUNED,
    "baselines/methods.py": TUNED,
    "baselines/trajectories.py": TUNED,
    "baselines/tuning.py": TUNED,
    "evaluate/ensemble.py": JUDGED,
    "evaluate/scores.py": SCORES,
    "evaluate/verification.py": SCORES,
    "evaluate/events.py": SCORES,
    "evaluate/observed.py": SCORES,
    "evaluate/consistency.py": SCORES,
    "evaluate/regions.py": SCORES,
    "evaluate/spectra.py": SCORES,
    "evaluate/balance.py": SCORES,
    "evaluate/physics.py": SCORES,
    "evaluate/gathering.py": SCORES,
    "evaluate/pooling.py": SCORES,
    "evaluate/tables.py": SCORES,
    "evaluate/bootstrap.py": INFERRED,
    "evaluate/comparisons.py": INFERRED,
    "evaluate/variants.py": CHARTED,
    "evaluate/ranks.py": DIAGNOSED,
    "evaluate/diagnostics.py": DIAGNOSED,
    "evaluate/maps.py": MAPS,
    "report/page.py": PAGE,
    "report/bill.py": PAGE,
    "report/tables.py": jobs("plot_scores", PAGE),
    "report/legend.py": jobs("plot_scores", PAGE),
    "report/plots.py": jobs("plot_scores", PAGE),
    "report/skill.py": jobs("plot_scores", PAGE),
    "report/experiments.py": jobs("plot_scores", PAGE),
    "report/methods.py": PAGE,
    "report/charts.py": PAGE,
    "report/scorecard.py": jobs("plot_scores", PAGE),
    "report/figures.py": jobs("plot_maps", PAGE),
    "report/style.py": jobs("plot_maps", "plot_scores", PAGE),
}
SCRIPTS = {
    "fetch_period": FETCHED,
    "fetch_stretch": NOTHING,
    "pool_moments": jobs("pool_moments", PAGE),
    "compute_harmonics": CLIMATE,
    "pool_climatology": STANDARDISED,
    "train_autoencoder": LATENT,
    "train_prior": TRAINED,
    "reconstruct_window": jobs("reconstruct_window", SCORES, score_members=3),
    "place_instruments": PLACED,
    "draw_posterior": DRAWN,
    "draw_climatology": jobs("draw_climatology", JUDGED, score_members=16),
    "pool_covariance": COVARIED,
    "tune_baseline": TUNED,
    "draw_baseline": BASED,
    "pool_scores": POOLED,
    "compare_methods": CHARTED,
    "pool_diagnostics": DIAGNOSED,
    "plot_maps": jobs("plot_maps", PAGE),
    "write_report": PAGE,
}

# Words: nothing that runs is another.
WORDS = {
    "a docstring": replaced("galerne/products.py", r'^"""', '"""Reworded. '),
    "a docstring of a script": replaced("workflow/scripts/train_prior.py", r'^"""', '"""Again: '),
    "a comment": replaced("galerne/source/nature_run.py", r"^import", "# A remark.\nimport"),
    "a comment of a script": replaced(
        "workflow/scripts/train_prior.py", r"^import", "# A remark.\nimport"
    ),
    "the message of a rule": replaced("rules/prior.smk", "Training prior", "Now training prior"),
    "a comment of a rule": replaced("rules/grid.smk", r"^rule", "# A remark.\nrule"),
    "a comment of the defaults": replaced("config/default.yaml", r"^seed:.*$", "seed: 0  # one"),
    "a comment of the overlay": replaced(CONFIG, r"^run:", "# A remark.\nrun:"),
    "a comment of an environment": replaced("envs/torch.yaml", r"\A", "# A remark.\n"),
    "the number of the release": replaced("galerne/__init__.py", r'= "', '= "9.'),
    "how scripts are started": replaced("workflow/launch", r"^set ", "# A remark.\nset "),
}

# Where and how: the same products, made on another machine.
SHAPE = {
    "more threads": called("--set-threads", "train_prior=7", "--cores", "16"),
    "more memory": called("--set-resources", "train_prior:mem_mb=9000", "sample_prior:runtime=9"),
    "Slurm": called("--profile", "slurm"),
    "another site": replaced("slurm/site.yaml", "^gpus: *0", "gpus: 2"),
}

NEW = jobs(fetch_period=1, audit_period=1, check_period=1, regrid_period=1)
AUDIT = yaml.safe_load((ROOT / "config/default.yaml").read_text())["audit"]
SPEEDY, NETWORK, TINY = "datasets.speedy_t21", "networks.tiny.instruments", "experiments.tiny"
LONGER = "{role: train, start: 2005-01-01T00:00, end: 2005-03-31T18:00}"
YEAR = f"{SPEEDY}.periods.later={LONGER}"


def more(block: str, name: str) -> str:
    """A named block of the tiny configuration under another name, `more`."""
    default, tiny = (
        yaml.safe_load((ROOT / path).read_text())[block].get(name, {})
        for path in ("config/default.yaml", CONFIG)
    )
    update_config(default, tiny)
    return f"{block}.more={yaml.safe_dump(default, default_flow_style=True)}"


MORE_PRIOR, MORE_DATA = more("priors", "tiny"), more("datasets", "speedy_t21")
MORE_EXPERIMENTS = (more("experiments", "tiny"), "run=[tiny, more]")

# fmt: off
# Settings: another value of a key, and of the keys that must go with it.
SETTINGS: list[tuple[str | tuple[str, ...], Jobs]] = [
    ("results=elsewhere", EVERYTHING),
    ("resources=elsewhere", FETCHED),
    ("seed=1", EVERYTHING),
    ("data_root=docs", NOTHING),
    ("threads=1", NOTHING),
    ("retrain=true", NOTHING),
    ("transfer.connections=4", NOTHING),
    ("transfer.stall_seconds=9", NOTHING),
    ("transfer.patience_seconds=99", NOTHING),
    (f"{SPEEDY}.source.truncation=31", FETCHED),
    (f"{SPEEDY}.source.time_step_minutes=30", FETCHED),
    (f"{SPEEDY}.source.spinup_days=31", FETCHED),
    (f"{SPEEDY}.surface=[mean_sea_level_pressure, 2m_temperature]", FETCHED),
    (f"{SPEEDY}.pressure=[temperature, geopotential, u_component_of_wind, v_component_of_wind]",
     FETCHED),
    (f"{SPEEDY}.levels=[500, 700, 850]", FETCHED),
    (f"{SPEEDY}.step_hours=3", FETCHED),
    (f"{SPEEDY}.grid.latitudes=24", GRIDDED),
    (f"{SPEEDY}.grid.longitudes=48", GRIDDED),
    (f"{SPEEDY}.grid.poles=true", GRIDDED),
    (f"{SPEEDY}.grid.kind=gaussian", GRIDDED),
    (f"{SPEEDY}.grid.method=bilinear", GRIDDED),
    (f"{SPEEDY}.storage.rounding=null", GRIDDED),
    (f"{SPEEDY}.storage.rounding.geopotential=0.1", GRIDDED),
    (f"{SPEEDY}.climatology.harmonics_of_year=1", CLIMATE),
    (f"{SPEEDY}.climatology.harmonics_of_day=1", CLIMATE),
    (f"{SPEEDY}.hourly_climatology={{window_days: 61}}", jobs(PAGE, pool_hourly_climatology=1)),
    (f"{SPEEDY}.gap_hours=120", PAGE),
    (f"{SPEEDY}.periods.test.end=2003-01-31T18:00",
     jobs("reconstruct_window", TESTED, NEW)),
    (f"{SPEEDY}.exclude=[2001-02-01T00:00]",
     jobs("compute_moments", "pool_moments", CLIMATE, check_period=1, regrid_period=1)),
    *[(f"audit.severity.{key}=off", AUDITED) for key in AUDIT["severity"]],
    *[(f"audit.limits.{key}={value / 2}", AUDITED) for key, value in AUDIT["limits"].items()],
    ("autoencoders.tiny.latent_channels=16", LATENT),
    ("autoencoders.tiny.downsampling=2", LATENT),
    ("autoencoders.tiny.hidden_channels=16", LATENT),
    ("autoencoders.tiny.blocks=2", LATENT),
    ("autoencoders.tiny.bound=4.0", LATENT),
    ("autoencoders.tiny.noise=0.1", LATENT),
    ("autoencoders.tiny.steps=61", LATENT),
    ("autoencoders.tiny.batch_size=8", LATENT),
    ("autoencoders.tiny.learning_rate=2.0e-3", LATENT),
    ("autoencoders.tiny.turns=4", jobs("encode_period", GAUSSIAN)),
    ("priors.tiny.states=3", GAUSSIAN),
    ("priors.tiny.overlap=1", ACROSS),
    (f"{TINY}.window_hours=36", WINDOWED),
    ("priors.tiny.sigma_min=0.02", BOTH),
    ("priors.tiny.sigma_max=90.0", BOTH),
    ("priors.tiny.precision=bfloat16", BOTH),
    ("priors.tiny.gaussian.components=16", GAUSSIAN),
    ("priors.tiny.gaussian.heldout_share=0.3", GAUSSIAN),
    ("priors.tiny.gaussian.rank=48", GAUSSIAN),
    ("priors.tiny.gaussian.shrinkage=0.5", GAUSSIAN),
    ("priors.tiny.gaussian.windows=50", GAUSSIAN),
    ("priors.tiny.gaussian.window_components=40", GAUSSIAN),
    ("priors.tiny.network.patch=1", TRAINED),
    ("priors.tiny.network.hidden_channels=32", TRAINED),
    ("priors.tiny.network.blocks=1", TRAINED),
    ("priors.tiny.network.heads=2", TRAINED),
    ("priors.tiny.network.steps=61", TRAINED),
    ("priors.tiny.network.batch_size=4", TRAINED),
    ("priors.tiny.network.learning_rate=1.0e-4", TRAINED),
    ("priors.tiny.network.ema_half_life=11", TRAINED),
    ("priors.tiny.sampling.sampler=ddim", SAMPLED),
    ("priors.tiny.sampling.steps=9", SAMPLED),
    ("networks.tiny.withheld_share=0.3", PLACED),
    (f"{NETWORK}.stations.sites.count=50", PLACED),
    (f"{NETWORK}.stations.sites.file=Snakefile", PLACED),
    (f"{NETWORK}.stations.every_hours=3", OBSERVED),
    (f"{NETWORK}.stations.errors.2m_temperature=2.0", OBSERVED),
    (f"{NETWORK}.soundings.sites.count=10", PLACED),
    (f"{NETWORK}.soundings.sites.file=Snakefile", PLACED),
    (f"{NETWORK}.soundings.hours=[0]", OBSERVED),
    (f"{NETWORK}.soundings.levels=[500]", OBSERVED),
    (f"{NETWORK}.soundings.errors.temperature=0.8", OBSERVED),
    (f"{NETWORK}.polar_orbiter.altitude_km=800", OBSERVED),
    (f"{NETWORK}.polar_orbiter.inclination_degrees=98", OBSERVED),
    (f"{NETWORK}.polar_orbiter.width_km=1900", OBSERVED),
    (f"{NETWORK}.polar_orbiter.across=4", OBSERVED),
    (f"{NETWORK}.polar_orbiter.every_seconds=800", OBSERVED),
    (f"{NETWORK}.polar_orbiter.levels=[850]", OBSERVED),
    (f"{NETWORK}.polar_orbiter.errors.temperature=1.1", OBSERVED),
    (f"{NETWORK}.soundings.correlation={{log_pressure: 0.3}}", OBSERVED),
    (f"{NETWORK}.polar_orbiter.correlation={{log_pressure: null, km: 300}}", OBSERVED),
    (("methods.mmps.covariance=jacobian", "methods.mmps.sampler=heun", *PLAIN), DRAWN),
    ("methods.mmps.linearisation=exact", DRAWN),
    (("methods.mmps.sampler=heun", *EVEN), DRAWN),
    ("methods.mmps.steps=11", DRAWN),
    (("methods.mmps.solver=gmres", *PLAIN), DRAWN),
    ("methods.mmps.modes=10", DRAWN),
    ("methods.mmps.placement=even", DRAWN),
    ("methods.mmps.background_check=6.0", DRAWN),
    ("methods.mmps.local=null", DRAWN),
    ("methods.mmps.local.share=0.1", DRAWN),
    ("methods.mmps.local.length_km=8000", DRAWN),
    ("methods.mmps.local.season_days=100", DRAWN),
    ("methods.mmps.local.inflation=0.9", DRAWN),
    ("methods.mmps.local.turned_share=0", DRAWN),
    ("methods.mmps.local.analogs=null", DRAWN),
    ("methods.mmps.local.analogs.sharpness=2", DRAWN),
    ("methods.mmps.local.analogs.length_km=5000", DRAWN),
    ("methods.mmps.iterations=5", DRAWN),
    (("methods.mmps.probes=4", "methods.mmps.covariance=jacobian", "methods.mmps.sampler=heun",
      *PLAIN), DRAWN),
    (("methods.mmps.sampler=pc", *EVEN), DRAWN),
    (("methods.mmps.sampler=pc", "methods.mmps.corrections=1", *EVEN), DRAWN),
    ("methods.mmps.delta=0.5", DRAWN),
    ("methods.sda.gamma=0.2", NOTHING),  # no experiment names it
    ("methods.latent_4dvar.outer=3", NOTHING),
    ("baselines.optimal_interpolation.components=32", COVARIED),
    ("baselines.optimal_interpolation.memory_hours=[120, 480]", TUNED),
    ("baselines.optimal_interpolation.memory_hours=[120]", BASED),  # no choice is left
    ("baselines.optimal_interpolation.inflation=[1.0, 1.2]", TUNED),
    ("baselines.optimal_interpolation.iterations=15", TUNED),
    ("baselines.optimal_interpolation.modes=80", TUNED),
    ("baselines.letkf.stride=1", NOTHING),  # no experiment names it
    ("tuning.windows=3", jobs(TUNED, simulate_observations=3)),
    ("tuning.window_hours=24", jobs(TUNED, simulate_observations=2)),
    ("tuning.members=5", TUNED),
    ("tuning.settings=9", PAGE),
    ("tasks.filtering_tiny.now_hours=[12]", jobs(ONE_TASK, draw_baseline=2, compute_maps=4)),
    ("tasks.filtering_tiny.window_hours=24", ONE_TASK),
    ("tasks.filtering_tiny.carry=null", ONE_TASK),
    ("tasks.filtering_tiny.carry.states=1", ONE_TASK),
    ("tasks.filtering_tiny.carry.error=0.2", ONE_TASK),
    ("tasks.forecasting_tiny.carry.error=0.1", jobs(ONE_TASK, score_members=6)),
    ("evaluation.crps=ecdf", SCORES),
    ("evaluation.map_members=2", MAPS),
    ("evaluation.missing_members=skip", SCORES),
    ("evaluation.thresholds.2m_temperature=[280.0]", SCORES),
    ("evaluation.distances_km=[300.0]", SCORES),
    ("evaluation.density_degrees=1.5", SCORES),
    ("evaluation.bootstrap.resamples=500", INFERRED),
    ("evaluation.bootstrap.level=0.9", INFERRED),
    ("evaluation.bootstrap.block_hours=48.0", INFERRED),
    ("report.title=Another", PAGE),
    ("report.maps=[2m_temperature]", jobs("plot_scores", MAPS)),
    ("report.windows=1", jobs("plot_maps", PAGE)),
    ("report.energy.watts_per_core=9.0", PAGE),
    ("report.energy.watts_per_gpu=300.0", PAGE),
    ("report.energy.pue=1.2", PAGE),
]

# More or less of something: what stays is not made again.
ADDED: list[tuple[str, Sequence[str], Jobs]] = [
    ("a window", [f"{TINY}.windows=[2003-01-14T00:00, 2003-01-18T00:00, 2003-01-22T00:00]"],
     jobs(JUDGED, draw_climatology=1, reconstruct_window=1, sample_prior=2,
          simulate_observations=1, draw_posterior=6, draw_baseline=4, compute_maps=7)),
    ("no more of a window", [f"{TINY}.windows=[2003-01-14T00:00]"], jobs(SCORES, "plot_maps")),
    ("a batch of members", [f"{TINY}.members=6"],
     jobs(BOTH, BASED, sample_prior=2, draw_posterior=6, score_members=10, compute_maps=14)),
    ("larger batches", [f"{TINY}.members_per_job=4"],
     jobs(BOTH, sample_prior=2, draw_posterior=6)),
    ("a network", [more("networks", "tiny"), f"{TINY}.networks=[tiny, more]"], PLACED),
    ("a variant of a network", [HALF, f"{TINY}.networks=[tiny, half]"],
     jobs(but(OBSERVED, "simulate_observations"), vary_observations=4)),
    ("a variant that nothing uses", [HALF], NOTHING),
    ("a method", [more("methods", "mmps"), f"{TINY}.methods=[mmps, more]"], DRAWN),
    ("a method of another kind", [f"{TINY}.methods=[mmps, sda]"], DRAWN),
    ("a task", ["tasks.more={kind: filtering, now_hours: [12], window_hours: null, carry: null}",
                f"{TINY}.tasks=[reanalysis, filtering_tiny, forecasting_tiny, more]"],
     jobs(ONE_TASK, draw_baseline=2, compute_maps=4)),
    ("a baseline", [f"{TINY}.baselines=[persistence, optimal_interpolation, climatological]"],
     jobs(BASED, draw_baseline=6, score_members=3, compute_maps=6)),
    ("no more of a baseline", [f"{TINY}.baselines=[optimal_interpolation]"], COMPARED),
    ("no more of a task", [f"{TINY}.tasks=[reanalysis, filtering_tiny]"], COMPARED),
    ("a prior", [MORE_PRIOR, f"{TINY}.prior=more"],
     jobs(GAUSSIAN, score_members=16, compute_maps=14)),
    ("an autoencoder", [more("autoencoders", "tiny"), f"{TINY}.autoencoder=more"],
     jobs(LATENT, score_members=16, compute_maps=14)),
    ("a dataset", [MORE_DATA, f"{TINY}.dataset=more"], EVERYTHING),
    ("an experiment that shares everything", MORE_EXPERIMENTS, PAGE),
    ("an experiment that shares all but the prior",
     [*MORE_EXPERIMENTS, MORE_PRIOR, "experiments.more.prior=more"],
     jobs(GAUSSIAN, score_members=16, compute_maps=14)),
    ("a prior that nothing uses", [MORE_PRIOR], NOTHING),
    ("a network that nothing uses", [more("networks", "tiny")], NOTHING),
    ("a test period without windows",
     [f"{SPEEDY}.periods.later={LONGER.replace('train', 'test')}"], PAGE),
]

# Periods that models learn from: unasked, what is new and its statistics; then the models too.
STATISTICS = jobs(
    NEW, "compute_moments", "pool_moments", "compute_harmonics", "pool_climatology"
)
RELEARNT = jobs(NEW, "compute_moments", "pool_moments", CLIMATE)
PERIODS: list[tuple[str, Sequence[str], Jobs, Jobs]] = [
    ("a year", [YEAR], STATISTICS, jobs(RELEARNT, encode_period=3)),
    ("a validation period", [f"{SPEEDY}.periods.later={LONGER.replace('train', 'validation')}"],
     NEW, jobs(NEW, LATENT, TUNED, encode_period=3, simulate_observations=2, score_members=13,
               compute_maps=14)),
    ("other dates of a training period", [f"{SPEEDY}.periods.train.end=2001-05-31T18:00"],
     NOTHING, RELEARNT),
    ("other dates of a validation period",
     [f"{SPEEDY}.periods.validation.end=2002-01-31T18:00"], NOTHING,
     jobs(NEW, LATENT, TUNED, simulate_observations=2, score_members=13, compute_maps=14)),
    ("a year and a setting", [YEAR, "priors.tiny.network.steps=61"],
     STATISTICS, jobs(RELEARNT, encode_period=3)),
    ("a year, and a second experiment on its data",
     [YEAR, *MORE_EXPERIMENTS, MORE_PRIOR, "experiments.more.prior=more"],
     STATISTICS,
     jobs(RELEARNT, encode_period=3, pool_latent_moments=2, train_prior=2, sample_prior=8,
          draw_posterior=24, score_members=32, compute_maps=28, plot_maps=6)),
    ("a year, and a second experiment on other data",
     [YEAR, *MORE_EXPERIMENTS, MORE_DATA, "experiments.more.dataset=more"],
     # Nothing that is for the report of both: neither its scores nor moments of the other data,
     # nor maps of baselines, which have no figures of their own.
     but(EVERYTHING, "pool_scores", "compare_methods", "pool_diagnostics", "plot_scores",
         "write_report")
     | jobs(fetch_period=4, audit_period=4, check_period=4, regrid_period=4, compute_harmonics=2,
            pool_climatology=2, compute_maps=6),
     {rule: 2 * count for rule, count in EVERYTHING.items()}
     | jobs(COMPARED, fetch_period=4, audit_period=4, check_period=4, regrid_period=4,
            encode_period=5, place_instruments=1, simulate_observations=4)),
]
# fmt: on

# Products that are not what they were.
SPOILT = {
    "speedy_t21/networks/tiny/sites.csv": OBSERVED,
    "speedy_t21/tiny/model.json": ENCODED,
    "scores.csv": jobs("plot_scores", PAGE),
}


def spoilt(path: str) -> Callable[[Workspace], Sequence[str]]:
    """Other content of a product."""

    def make(space: Workspace) -> Sequence[str]:
        where = space.results / path
        space.write(str(where.relative_to(space.folder)), where.read_text() + "\n")
        return ()

    return make


OVERLAYS = [(keys,) if isinstance(keys, str) else keys for keys, _ in SETTINGS]
CHANGES = [
    Change("nothing", called(), NOTHING),
    *(Change(f"code: {path}", edited(f"galerne/{path}"), e) for path, e in MODULES.items()),
    *(Change(f"code: {s}", edited(f"workflow/scripts/{s}.py"), e) for s, e in SCRIPTS.items()),
    *(Change(f"words: {name}", make, NOTHING) for name, make in WORDS.items()),
    *(Change(f"shape: {name}", make, NOTHING) for name, make in SHAPE.items()),
    *(
        Change(f"setting: {keys[0]}", configured(*keys), e)
        for keys, (_, e) in zip(OVERLAYS, SETTINGS, strict=True)
    ),
    *(Change(f"added: {name}", configured(*keys), e) for name, keys, e in ADDED),
    *(Change(f"unasked: {name}", configured(*keys), e) for name, keys, e, _ in PERIODS),
    *(Change(f"asked: {n}", configured(*keys, "retrain=true"), e) for n, keys, _, e in PERIODS),
    *(Change(f"spoilt: {path}", spoilt(path), e) for path, e in SPOILT.items()),
    *(Change(f"touched: all, order {seed}", touched(seed), NOTHING) for seed in (1, -1)),
]
OVERLAYS += [tuple(keys) for _, keys, *_ in [*ADDED, *PERIODS]]
