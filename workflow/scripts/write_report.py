"""Write the report: one HTML file with the maps, the scores and what made them."""

from pathlib import Path

from galerne.jobs.job import Job
from galerne.observe.table import read_observations
from galerne.provenance import PACKAGE, SCRIPTS, source_digest
from galerne.report import contents, record
from galerne.report.bill import write_bill
from galerne.report.costs import account
from galerne.report.evidence import TABLES, Evidence
from galerne.report.legend import Legend
from galerne.report.page import Page, write_page
from galerne.report.rulegraph import draw_rules, read_rules
from galerne.report.summary import write_summary

LISTS = ("maps", "observations", "training", "moments", "findings")
SETTINGS = ("config", "default", "choices", "mapped", "names")


def write_report(
    paths_tables: dict[str, Path],
    paths_maps: list[Path],
    paths_observations: list[Path],
    paths_training: list[Path],
    paths_moments: list[Path],
    paths_stills: list[Path],
    paths_findings: list[Path],
    path_charts: Path,
    path_report: Path,
    path_summary: Path,
    *,
    config: dict,
    default: dict,
    choices: list[dict[str, str]],
    mapped: list[dict[str, str]],
    names: dict[str, dict],
) -> None:
    """Gather tables, maps and records, and set the page; one picture per still folder."""
    folder, legend = Path(config["results"]), Legend(**names)
    evidence = Evidence.read(paths_tables)
    sources = record.sources(folder, [choice["dataset"] for choice in choices])
    rules = [path.stem for path in sorted(SCRIPTS.glob("*.py"))]
    tables = evidence.scores, evidence.comparisons
    said = contents.judgement(*tables, choices, config, sources, legend)
    seen = {path: read_observations(path) for path in dict.fromkeys(paths_observations)}
    observations = [seen[path] for path in paths_observations]
    sets = contents.read_sets(paths_maps, observations, mapped, config)
    said["limits"] += record.unobserved(folder, choices)
    page = Page(
        title=config["report"]["title"],
        subtitle="; ".join(dict.fromkeys(sources.values())),
        **said,
        **contents.map_parts(sets, evidence.comparisons, choices, config, legend),
        stills=[figure for path in paths_stills for figure in contents.read_figures(path)[""][:1]],
        **contents.score_parts(evidence, choices, path_charts, folder, legend),
        training=contents.training_figures(paths_training, folder),
        **contents.audit_parts(paths_findings, config["report"]["maps"]),
        data=contents.moments_tables(paths_moments),
        **record.settings(folder, choices, config, default),
        digests=[(n, source_digest(n)) for n in rules],
        record=record.now_and_here(PACKAGE),
        rules=draw_rules(read_rules(folder)),
        bill=write_bill(account(folder, rules), config["report"]["energy"]),
    )
    write_page(page, path_report)
    write_summary(page, evidence.comparisons, choices, legend, path_summary)


if __name__ == "__main__":
    Job(snakemake).run(
        write_report,
        paths_tables={name: Path(snakemake.input[name]) for name in TABLES},
        **{f"paths_{name}": [Path(path) for path in snakemake.input[name]] for name in LISTS},
        paths_stills=[Path(path).parent for path in snakemake.input.stills],
        path_charts=Path(snakemake.input.charts).parent,
        path_report=Path(snakemake.output.report),
        path_summary=Path(snakemake.output.summary),
        **{name: snakemake.params[name] for name in SETTINGS},
    )
