"""prior: a Gaussian over windows of latents, and a diffusion model on top of it.

reads   {dataset}/{autoencoder}/latents/{period}
writes  {dataset}/{autoencoder}/{prior}/gaussian.json, .../model.json,
        {dataset}/{autoencoder}/{prior}/samples/{window}
"""

LEARNING = ("steps", "batch_size", "learning_rate", "ema_half_life")
PRIOR = ("{dataset}", "{autoencoder}", "{prior}")


rule pool_latent_moments:
    input:
        train=latents_of("train"),
        validation=latents_of("validation"),
    output:
        gaussian=results(*PRIOR, "gaussian.json"),
    log:
        logs(*PRIOR, "pool_latent_moments"),
    benchmark:
        benchmarks(*PRIOR, "pool_latent_moments")
    conda:
        "../envs/torch.yaml"
    threads: CONFIG.threads
    resources:
        mem_mb=growing(4_000),
        runtime=growing(60, longest),
    params:
        prior=lambda w: settings("priors", w.prior)["gaussian"]
        | {"states": settings("priors", w.prior)["states"]},
        code=source_digest("pool_latent_moments"),
    message:
        "Pooling the space-time covariance of the latents of {wildcards.dataset}"
    script:
        "../workflow/scripts/pool_latent_moments.py"


rule train_prior:
    input:
        train=asking(latents_of("train")),
        validation=latents_of("validation"),
        gaussian=rules.pool_latent_moments.output.gaussian,
    output:
        model=results(*PRIOR, "model.json"),
        training=results(*PRIOR, "training.csv"),
    log:
        logs(*PRIOR, "train_prior"),
    benchmark:
        benchmarks(*PRIOR, "train_prior")
    conda:
        "../envs/torch.yaml"
    threads: CONFIG.threads
    resources:
        mem_mb=growing(4_000),
        runtime=growing(480, longest),
    params:
        optimisation=lambda w: network_of(w, *LEARNING),
        architecture=lambda w: network_of(
            w, "patch", "hidden_channels", "blocks", "heads"
        ),
        seed=lambda w: spawned("prior", w.dataset, w.autoencoder, w.prior),
        periods=periods_of,
        checkpoints=checkpoints(*PRIOR),
        code=source_digest("train_prior"),
    message:
        "Training prior {wildcards.prior} on {wildcards.dataset}"
    script:
        "../workflow/scripts/train_prior.py"


rule sample_prior:
    input:
        climatology=climatology_of,
        autoencoder=results("{dataset}", "{autoencoder}", "model.json"),
        gaussian=rules.pool_latent_moments.output.gaussian,
        model=rules.train_prior.output.model,
    output:
        ensemble=results(
            *PRIOR, "samples", "{window}", "members_{batch}", "manifest.json"
        ),
    log:
        logs(*PRIOR, "sample_prior", "{window}", "{batch}"),
    benchmark:
        benchmarks(*PRIOR, "sample_prior", "{window}", "{batch}")
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=growing(4_000),
        runtime=growing(60, partial(longest, "sample_prior")),
    params:
        step_hours=lambda w: settings("datasets", w.dataset)["step_hours"],
        members=lambda w: members_in(w.batch),
        sigmas=sigmas_of,
        sampling=lambda w: settings("priors", w.prior)["sampling"],
        seed=lambda w: spawned("sample", w.dataset, w.autoencoder, w.prior, w.window),
        overlap=overlap_of,
        checkpoints=checkpoints(*PRIOR, "sample_prior", "{window}", "{batch}"),
        code=source_digest("sample_prior"),
    message:
        "Sampling prior {wildcards.prior} in {wildcards.window}, members {wildcards.batch}"
    script:
        "../workflow/scripts/sample_prior.py"
