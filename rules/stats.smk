"""stats: moments, and the climatology that standardises the fields; training periods only.

reads   {dataset}/grid/{period}
writes  {dataset}/moments/{period}.csv, {dataset}/harmonics/{period}, {dataset}/stats/{record}/moments.csv,
        {dataset}/stats/{record}/climatology, {dataset}/stats/{record}/hourly_climatology (if asked for)
"""


rule compute_moments:
    input:
        fields=results("{dataset}", "grid", "{period}", "manifest.json"),
    output:
        moments=results("{dataset}", "moments", "{period}.csv"),
    log:
        logs("{dataset}", "moments", "compute_moments", "{period}"),
    benchmark:
        benchmarks("{dataset}", "moments", "compute_moments", "{period}")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(1_500),
        runtime=growing(60, longest),
    params:
        state=state_of,
        code=source_digest("compute_moments"),
    message:
        "Computing moments of period {wildcards.period} of {wildcards.dataset}"
    script:
        "../workflow/scripts/compute_moments.py"


rule pool_moments:
    input:
        moments=lambda w: LAYOUT.moments(w.dataset, "train"),
    output:
        moments=results("{dataset}", "stats", "{record}", "moments.csv"),
    log:
        logs("{dataset}", "stats", "{record}", "pool_moments"),
    benchmark:
        benchmarks("{dataset}", "stats", "{record}", "pool_moments")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(1_000),
        runtime=growing(10, longest),
    params:
        code=source_digest("pool_moments"),
    message:
        "Pooling area-weighted moments of {wildcards.dataset}"
    script:
        "../workflow/scripts/pool_moments.py"


rule compute_harmonics:
    input:
        fields=results("{dataset}", "grid", "{period}", "manifest.json"),
    output:
        harmonics=results("{dataset}", "harmonics", "{period}", "manifest.json"),
    log:
        logs("{dataset}", "harmonics", "compute_harmonics", "{period}"),
    benchmark:
        benchmarks("{dataset}", "harmonics", "compute_harmonics", "{period}")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(60, longest),
    params:
        state=state_of,
        climatology=lambda w: settings("datasets", w.dataset)["climatology"],
        code=source_digest("compute_harmonics"),
    message:
        "Computing sums with harmonics of period {wildcards.period} of {wildcards.dataset}"
    script:
        "../workflow/scripts/compute_harmonics.py"


rule pool_climatology:
    input:
        harmonics=lambda w: LAYOUT.harmonics(w.dataset, "train"),
    output:
        climatology=results(
            "{dataset}", "stats", "{record}", "climatology", "manifest.json"
        ),
    log:
        logs("{dataset}", "stats", "{record}", "pool_climatology"),
    benchmark:
        benchmarks("{dataset}", "stats", "{record}", "pool_climatology")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(60, longest),
    params:
        state=state_of,
        code=source_digest("pool_climatology"),
    message:
        "Pooling the smooth climatology of {wildcards.dataset}"
    script:
        "../workflow/scripts/pool_climatology.py"


rule pool_hourly_climatology:
    input:
        fields=fields_of("train"),
    output:
        climatology=results(
            "{dataset}", "stats", "{record}", "hourly_climatology", "manifest.json"
        ),
    log:
        logs("{dataset}", "stats", "{record}", "pool_hourly_climatology"),
    benchmark:
        benchmarks("{dataset}", "stats", "{record}", "pool_hourly_climatology")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(6_000),
        runtime=growing(120, longest),
    params:
        state=state_of,
        window=lambda w: settings("datasets", w.dataset)["hourly_climatology"],
        code=source_digest("pool_hourly_climatology"),
    message:
        "Pooling the climatology of {wildcards.dataset} by hour and day of year"
    script:
        "../workflow/scripts/pool_hourly_climatology.py"
