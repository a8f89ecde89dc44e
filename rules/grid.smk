"""grid: one period of a dataset on the grid of the configuration.

reads   {dataset}/source/{period}, {dataset}/audit/{period}
writes  {dataset}/grid/{period}
"""


rule regrid_period:
    input:
        fields=rules.fetch_period.output.fields,
        audit=rules.check_period.output.findings,
    output:
        fields=results("{dataset}", "grid", "{period}", "manifest.json"),
    log:
        logs("{dataset}", "grid", "regrid_period", "{period}"),
    benchmark:
        benchmarks("{dataset}", "grid", "regrid_period", "{period}")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(1_500),
        runtime=growing(60, longest),
    params:
        grid=lambda w: settings("datasets", w.dataset)["grid"],
        exclude=excluded_of,
        storage=lambda w: settings("datasets", w.dataset)["storage"],
        code=source_digest("regrid_period"),
    message:
        "Regridding period {wildcards.period} of {wildcards.dataset}"
    script:
        "../workflow/scripts/regrid_period.py"
