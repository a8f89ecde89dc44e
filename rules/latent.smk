"""latent: the autoencoder, and the record in its terms.

reads   {dataset}/grid/{period}, {dataset}/stats/{record}/climatology
writes  {dataset}/{autoencoder}/model.json, {dataset}/{autoencoder}/latents/{period},
        {dataset}/{autoencoder}/reconstruction/{window}
"""

ARCHITECTURE = ("latent_channels", "downsampling", "hidden_channels", "blocks", "bound")
OPTIMISATION = ("steps", "batch_size", "learning_rate", "noise")


rule train_autoencoder:
    input:
        train=asking(fields_of("train")),
        validation=fields_of("validation"),
        climatology=climatology_of,
    output:
        model=results("{dataset}", "{autoencoder}", "model.json"),
        training=results("{dataset}", "{autoencoder}", "training.csv"),
        reconstruction=results("{dataset}", "{autoencoder}", "reconstruction.csv"),
    log:
        logs("{dataset}", "{autoencoder}", "train_autoencoder"),
    benchmark:
        benchmarks("{dataset}", "{autoencoder}", "train_autoencoder")
    conda:
        "../envs/torch.yaml"
    threads: CONFIG.threads
    resources:
        mem_mb=growing(4_000),
        runtime=growing(240, longest),
    params:
        optimisation=lambda w: part_of("autoencoders", w.autoencoder, *OPTIMISATION),
        architecture=lambda w: part_of("autoencoders", w.autoencoder, *ARCHITECTURE),
        seed=lambda w: spawned("autoencoder", w.dataset, w.autoencoder),
        periods=periods_of,
        checkpoints=checkpoints("{dataset}", "{autoencoder}", "autoencoder"),
        code=source_digest("train_autoencoder"),
    message:
        "Training autoencoder {wildcards.autoencoder} on {wildcards.dataset}"
    script:
        "../workflow/scripts/train_autoencoder.py"


rule encode_period:
    input:
        fields=rules.regrid_period.output.fields,
        climatology=climatology_of,
        model=rules.train_autoencoder.output.model,
    output:
        latents=results(
            "{dataset}", "{autoencoder}", "latents", "{period}", "manifest.json"
        ),
    log:
        logs("{dataset}", "{autoencoder}", "encode_period", "{period}"),
    benchmark:
        benchmarks("{dataset}", "{autoencoder}", "encode_period", "{period}")
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(60, longest),
    params:
        architecture=lambda w: part_of("autoencoders", w.autoencoder, *ARCHITECTURE),
        turns=lambda w: settings("autoencoders", w.autoencoder)["turns"],
        code=source_digest("encode_period"),
    message:
        "Encoding {wildcards.period} of {wildcards.dataset} with {wildcards.autoencoder}"
    script:
        "../workflow/scripts/encode_period.py"


rule reconstruct_window:
    input:
        fields=truth_of,
        climatology=climatology_of,
        model=rules.train_autoencoder.output.model,
    output:
        ensemble=results(
            "{dataset}", "{autoencoder}", "reconstruction", "{window}", "manifest.json"
        ),
    log:
        logs("{dataset}", "{autoencoder}", "reconstruct_window", "{window}"),
    benchmark:
        benchmarks("{dataset}", "{autoencoder}", "reconstruct_window", "{window}")
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(15, partial(longest, "reconstruct_window")),
    params:
        code=source_digest("reconstruct_window"),
    message:
        "Encoding and decoding the truth of {wildcards.window}"
    script:
        "../workflow/scripts/reconstruct_window.py"
