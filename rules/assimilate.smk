"""assimilate: members of the posterior, and the baseline without observations.

reads   {dataset}/networks/{network}/{window}/observations.parquet, and the models
writes  {dataset}/{autoencoder}/{prior}/{network}/{method}/{task}/{window}/members_{batch},
        {dataset}/climatology/{window}
"""

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


rule draw_baseline:
    input:
        climatology=climatology_of,
    output:
        ensemble=results("{dataset}", "climatology", "{window}", "manifest.json"),
    log:
        logs("{dataset}", "draw_baseline", "{window}"),
    benchmark:
        benchmarks("{dataset}", "draw_baseline", "{window}")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(1_000),
        runtime=growing(15, partial(longest, "draw_baseline")),
    params:
        step_hours=lambda w: settings("datasets", w.dataset)["step_hours"],
        code=source_digest("draw_baseline"),
    message:
        "Writing the climatology of {wildcards.window}"
    script:
        "../workflow/scripts/draw_baseline.py"
