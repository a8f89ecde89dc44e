"""evaluate: scores of every ensemble on disk, and the fields that the report draws.

reads   {dataset}/grid/{period}, {dataset}/networks/{network}/{window}/observations.parquet,
        {dataset}/climatology/{window}, {dataset}/{autoencoder}/reconstruction/{window},
        {dataset}/{autoencoder}/{prior}/samples/{window},
        {dataset}/{autoencoder}/{prior}/{network}/{method}/{task}/{window}
writes  {dataset}/{autoencoder}/{prior}/{network}/{method}/{task}/scores.csv and what it is made of,
        {dataset}/{autoencoder}/{prior}/{network}/{method}/{task}/{window}/maps, scores.csv,
        comparisons.csv, intervals.csv, variants.csv, diagnostics/
"""

CHOICE = (
    "{dataset}",
    "{autoencoder}",
    "{prior}",
    "{network}",
    "{method}",
    "{task}",
)
# What scores, intervals and diagnostics are made of (galerne.evaluate.gathering).
TABLES = ("statistics", "ranks", "events", "consistency", "spectra", "balance")


rule score_members:
    input:
        truth=lambda w: [LAYOUT.truth(w.dataset, n) for n in windows_of(w)],
        climatology=lambda w: members_of(w, method="climatology"),
        observations=lambda w: LAYOUT.observed(w, windows_of(w)),
        members=scored_members_of,
    output:
        **{n: results(*CHOICE, "tables", f"{n}.parquet") for n in TABLES},
        scores=results(*CHOICE, "scores.csv"),
    log:
        logs(*CHOICE, "score_members"),
    benchmark:
        benchmarks(*CHOICE, "score_members")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(3_000),
        runtime=growing(60, longest),
    params:
        windows=windows_of,
        task=of("tasks"),
        state=state_of,
        judged=judged_by,
        seed=lambda w: spawned("evaluate", w.dataset, CONFIG.network_of(w.network)),
        code=source_digest("score_members"),
    message:
        "Scoring {wildcards.method} at {wildcards.task} with {wildcards.network}"
    script:
        "../workflow/scripts/score_members.py"


rule pool_scores:
    input:
        scores=lambda w: scored("scores.csv"),
    output:
        scores=results("scores.csv"),
    log:
        logs("pool_scores"),
    benchmark:
        benchmarks("pool_scores")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(1_000),
        runtime=growing(15, longest),
    params:
        code=source_digest("pool_scores"),
    message:
        "Gathering the scores of every choice"
    script:
        "../workflow/scripts/pool_scores.py"


rule compare_methods:
    input:
        statistics=lambda w: scored("tables", "statistics.parquet"),
    output:
        comparisons=results("comparisons.csv"),
        intervals=results("intervals.csv"),
        variants=results("variants.csv"),
    log:
        logs("compare_methods"),
    benchmark:
        benchmarks("compare_methods")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(3_000),
        runtime=growing(30, longest),
    params:
        choices=lambda w: CHOICES.scored(),
        judged=lambda w: judged_methods(),
        classical=lambda w: classical_baselines(),
        variants=lambda w: {n: v["of"] for n, v in named(CONFIG)["variants"].items()},
        inference=CONFIG.evaluation.bootstrap.model_dump(),
        seed=spawned("compare"),
        code=source_digest("compare_methods"),
    message:
        "Comparing methods on the same windows"
    script:
        "../workflow/scripts/compare_methods.py"


rule pool_diagnostics:
    input:
        **{n: partial(scored_tables, name=n) for n in TABLES},
    output:
        **{
            n: results("diagnostics", f"{n}.csv")
            for n in (
                "regions",
                "ranks",
                "events",
                "consistency",
                "spectra",
                "balance",
            )
        },
    log:
        logs("pool_diagnostics"),
    benchmark:
        benchmarks("pool_diagnostics")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(3_000),
        runtime=growing(30, longest),
    params:
        choices=lambda w: CHOICES.scored(),
        blind=BLIND,
        inference=CONFIG.evaluation.bootstrap.model_dump(),
        seed=spawned("compare"),
        unlike=CONFIG.evaluation.missing_members == "skip",
        code=source_digest("pool_diagnostics"),
    message:
        "Pooling regions, ranks, spectra and balances of every choice"
    script:
        "../workflow/scripts/pool_diagnostics.py"


rule compute_maps:
    input:
        truth=truth_of,
        climatology=results("{dataset}", "climatology", "{window}", "manifest.json"),
        prior=lambda w: drawn_of_prior(w, w.window),
        members=lambda w: members_of(w, w.window),
    output:
        maps=results(*CHOICE, "{window}", "maps", "manifest.json"),
    log:
        logs(*CHOICE, "{window}", "compute_maps"),
    benchmark:
        benchmarks(*CHOICE, "{window}", "compute_maps")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(30, partial(longest, "compute_maps")),
    params:
        task=asked_of,
        state=state_of,
        maps=CONFIG.report.maps,
        kept=CONFIG.evaluation.map_members,
        code=source_digest("compute_maps"),
    message:
        "Gathering maps of {wildcards.method} at {wildcards.task} during {wildcards.window}"
    script:
        "../workflow/scripts/compute_maps.py"
