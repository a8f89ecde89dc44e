"""assimilate: members of the posterior, the baselines, and the climatology.

reads   {dataset}/networks/{network}/{window}/observations.parquet, and the models,
        {dataset}/grid/{period} of the training, and of the validation for tuning
writes  {dataset}/{autoencoder}/{prior}/{network}/{method}/{task}/{window}/members_{batch},
        {dataset}/stats/{record}/covariances/{baseline}.json,
        {dataset}/baselines/{network}/{baseline}/tuning.json,
        {dataset}/baselines/{network}/{baseline}/{task}/{window}/members_{batch},
        {dataset}/climatology/{window}
"""

BASELINE = ("{dataset}", "baselines", "{network}", "{baseline}")
JUDGED = (*BASELINE, "{task}", "{window}")
POSTERIOR = (*PRIOR, "{network}", "{method}", "{task}", "{window}")


rule draw_posterior:
    input:
        observations=results(
            "{dataset}", "networks", "{network}", "{window}", "observations.parquet"
        ),
        climatology=climatology_of,
        autoencoder=results("{dataset}", "{autoencoder}", "model.json"),
        gaussian=rules.pool_latent_moments.output.gaussian,
        model=rules.train_prior.output.model,
    output:
        ensemble=results(*POSTERIOR, "members_{batch}", "manifest.json"),
    log:
        logs(*POSTERIOR, "draw_posterior", "{batch}"),
    benchmark:
        benchmarks(*POSTERIOR, "draw_posterior", "{batch}")
    conda:
        "../envs/torch.yaml"
    threads: drawing_processes()
    resources:
        mem_mb=growing(4_000 * drawing_processes()),
        runtime=growing(120, partial(longest, "draw_posterior")),
    params:
        draw=draw_of,
        checkpoints=checkpoints(*POSTERIOR, "draw_posterior", "{batch}"),
        code=source_digest("draw_posterior"),
    message:
        "Drawing {wildcards.task} of {wildcards.window} by {wildcards.method}"
    script:
        "../workflow/scripts/draw_posterior.py"


rule draw_climatology:
    input:
        climatology=climatology_of,
    output:
        ensemble=results("{dataset}", "climatology", "{window}", "manifest.json"),
    log:
        logs("{dataset}", "draw_climatology", "{window}"),
    benchmark:
        benchmarks("{dataset}", "draw_climatology", "{window}")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(1_000),
        runtime=growing(15, partial(longest, "draw_climatology")),
    params:
        step_hours=lambda w: settings("datasets", w.dataset)["step_hours"],
        code=source_digest("draw_climatology"),
    message:
        "Writing the climatology of {wildcards.window}"
    script:
        "../workflow/scripts/draw_climatology.py"


rule pool_covariance:
    input:
        fields=fields_of("train"),
        climatology=results(
            "{dataset}", "stats", "{record}", "climatology", "manifest.json"
        ),
    output:
        covariance=results(
            "{dataset}", "stats", "{record}", "covariances", "{baseline}.json"
        ),
    log:
        logs("{dataset}", "stats", "{record}", "pool_covariance", "{baseline}"),
    benchmark:
        benchmarks("{dataset}", "stats", "{record}", "pool_covariance", "{baseline}")
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=growing(4_000),
        runtime=growing(60, longest),
    params:
        components=lambda w: settings("baselines", w.baseline)["components"],
        code=source_digest("pool_covariance"),
    message:
        "Pooling the covariance of the fields of {wildcards.dataset}"
    script:
        "../workflow/scripts/pool_covariance.py"


rule tune_baseline:
    input:
        truth=lambda w: [LAYOUT.truth(w.dataset, n) for n in tuning_of(w)],
        observations=lambda w: LAYOUT.observed(w, tuning_of(w)),
        climatology=climatology_of,
        covariance=trained_of("covariance"),
        training=trained_of("training"),
    output:
        tuning=results(*BASELINE, "tuning.json"),
    log:
        logs(*BASELINE, "tune_baseline"),
    benchmark:
        benchmarks(*BASELINE, "tune_baseline")
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=growing(4_000),
        runtime=growing(120, partial(longest, "tune_baseline")),
    params:
        windows=tuning_of,
        members=CONFIG.tuning.members,
        baseline=of("baselines"),
        step_hours=lambda w: settings("datasets", w.dataset)["step_hours"],
        seed=lambda w: spawned("tune", w.dataset, CONFIG.network_of(w.network)),
        code=source_digest("tune_baseline"),
    message:
        "Tuning {wildcards.baseline} on the validation period with {wildcards.network}"
    script:
        "../workflow/scripts/tune_baseline.py"


rule draw_baseline:
    input:
        observations=results(
            "{dataset}", "networks", "{network}", "{window}", "observations.parquet"
        ),
        climatology=climatology_of,
        tuning=lambda w: LAYOUT.tuning(w, w.baseline),
        covariance=trained_of("covariance"),
        training=trained_of("training"),
    output:
        ensemble=results(*JUDGED, "members_{batch}", "manifest.json"),
    log:
        logs(*JUDGED, "draw_baseline", "{batch}"),
    benchmark:
        benchmarks(*JUDGED, "draw_baseline", "{batch}")
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=growing(4_000),
        runtime=growing(60, partial(longest, "draw_baseline")),
    params:
        members=lambda w: members_in(w.batch),
        baseline=baseline_of,
        task=asked_of,
        step_hours=lambda w: settings("datasets", w.dataset)["step_hours"],
        seed=lambda w: spawned(
            "draw", w.dataset, CONFIG.network_of(w.network), w.window
        ),
        code=source_digest("draw_baseline"),
    message:
        "Drawing {wildcards.task} of {wildcards.window} by {wildcards.baseline}"
    script:
        "../workflow/scripts/draw_baseline.py"
