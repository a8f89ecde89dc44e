"""report: figures, and the one page made of them.

reads   scores.csv, {choice}/{window}/maps/manifest.json, training.csv of every model,
        {dataset}/audit/{period}, {dataset}/networks/{network}/{window}/observations.parquet, usage
writes  {choice}/figures/, figures/scores/, report.html, summary.md
"""

# What charts are drawn from, and tables set from (galerne.report.evidence).
TABLES_OF_SCORES = {
    **dict(rules.pool_scores.output.items()),
    **dict(rules.compare_methods.output.items()),
    **dict(rules.pool_diagnostics.output.items()),
}


rule plot_maps:
    input:
        maps=lambda w: [results(*w, n, "maps", "manifest.json") for n in mapped_of(w)],
        observations=lambda w: LAYOUT.observed(w, mapped_of(w)),
    output:
        index=results(*CHOICE, "figures", "index.json"),
        figures=report(
            directory(results(*CHOICE, "figures")),
            patterns=["{name}.png"],
            caption="../docs/captions/maps.rst",
            category="Maps",
            subcategory="{task}",
            labels={"figure": "{name}", "network": "{network}", "method": "{method}"},
        ),
    log:
        logs(*CHOICE, "plot_maps"),
    benchmark:
        benchmarks(*CHOICE, "plot_maps")
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(20, longest),
    params:
        windows=mapped_of,
        step_hours=lambda w: settings("datasets", w.dataset)["step_hours"],
        code=source_digest("plot_maps"),
    message:
        "Drawing maps of {wildcards.method} at {wildcards.task} with {wildcards.network}"
    script:
        "../workflow/scripts/plot_maps.py"


rule plot_scores:
    input:
        **TABLES_OF_SCORES,
    output:
        index=results("figures", "scores", "index.json"),
        figures=report(
            directory(results("figures", "scores")),
            patterns=["{name}.svg"],
            caption="../docs/captions/scores.rst",
            category="Scores",
            labels={"figure": "{name}"},
        ),
    log:
        logs("plot_scores"),
    benchmark:
        benchmarks("plot_scores")
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(1_000),
        runtime=growing(10, longest),
    params:
        choices=lambda w: CHOICES.asked(),
        channels=CONFIG.report.maps,
        names=lambda w: named(CONFIG),
        code=source_digest("plot_scores"),
    message:
        "Drawing charts of the scores"
    script:
        "../workflow/scripts/plot_scores.py"


rule write_report:
    input:
        **TABLES_OF_SCORES,
        charts=rules.plot_scores.output.index,
        stills=lambda w: [
            results(*c.values(), "figures", "index.json") for c in CHOICES.asked()
        ],
        maps=maps_shown,
        observations=observations_shown,
        training=lambda w: LAYOUT.training_records(),
        moments=lambda w: [
            LAYOUT.statistic(n, "moments.csv") for n in CHOICES.datasets()
        ],
        measures=lambda w: LAYOUT.audits("measures.parquet"),
        findings=lambda w: LAYOUT.audits("findings.csv"),
        assets=sorted(map(str, Path("galerne/report/assets").glob("*.*"))),
    output:
        report=results("report.html"),
        summary=results("summary.md"),
    log:
        logs("write_report"),
    benchmark:
        benchmarks("write_report")
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(20, longest),
    params:
        config=lambda w: effective(CONFIG),
        default=lambda w: defaults(CONFIG, Path("config/default.yaml")),
        choices=lambda w: CHOICES.asked(),
        mapped=lambda w: CHOICES.mapped(),
        names=lambda w: named(CONFIG),
        # An index of figures says which there are, not what they show.
        drawn=lambda w: [source_digest(n)(w) for n in ("plot_maps", "plot_scores")],
        code=source_digest("write_report"),
    message:
        "Writing {output.report}"
    script:
        "../workflow/scripts/write_report.py"
