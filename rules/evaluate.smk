"""evaluate: scores of every ensemble on disk, and the fields that the report draws.

reads   {dataset}/grid/{period}, {dataset}/networks/{network}/{window}/observations.parquet,
        {dataset}/climatology/{window}, {dataset}/{autoencoder}/reconstruction/{window},
        {dataset}/{autoencoder}/{prior}/samples/{window},
        {dataset}/{autoencoder}/{prior}/{network}/{method}/{task}/{window}
writes  {dataset}/{autoencoder}/{prior}/{network}/{method}/{task}/scores.csv,
        {dataset}/{autoencoder}/{prior}/{network}/{method}/{task}/{window}/maps, scores.csv
"""

CHOICE = (
    "{dataset}",
    "{autoencoder}",
    "{prior}",
    "{network}",
    "{method}",
    "{task}",
)


rule score_members:
    input:
        truth=lambda w: [LAYOUT.truth(w.dataset, n) for n in windows_of(w)],
        observations=lambda w: LAYOUT.observed(w, windows_of(w)),
        members=members_of,
    output:
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
        crps=CONFIG.evaluation.crps,
        seed=lambda w: spawned("evaluate", w.dataset, CONFIG.network_of(w.network)),
        code=source_digest("score_members"),
    message:
        "Scoring {wildcards.method} at {wildcards.task} with {wildcards.network}"
    script:
        "../workflow/scripts/score_members.py"


rule pool_scores:
    input:
        scores=lambda w: [results(*c.values(), "scores.csv") for c in CHOICES.scored()],
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


rule compute_maps:
    input:
        truth=truth_of,
        climatology=results("{dataset}", "climatology", "{window}", "manifest.json"),
        prior=lambda w: members_of(w, w.window, method="prior")[0],
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
        task=of("tasks"),
        state=state_of,
        maps=CONFIG.report.maps,
        kept=CONFIG.evaluation.map_members,
        code=source_digest("compute_maps"),
    message:
        "Gathering maps of {wildcards.method} at {wildcards.task} during {wildcards.window}"
    script:
        "../workflow/scripts/compute_maps.py"
