"""source: one period of a dataset, simulated or read, checked, as its source has it.

reads   the files of an archive, below data_root
writes  {dataset}/source/{period}; resources/nature_run (spun-up states, compiled programs)
"""


rule fetch_period:
    input:
        archive=archive_files,
    output:
        fields=results("{dataset}", "source", "{period}", "manifest.json"),
    log:
        logs("{dataset}", "source", "fetch_period", "{period}"),
    benchmark:
        benchmarks("{dataset}", "source", "fetch_period", "{period}")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_500),
        runtime=growing(120, longest),
        downloads=1,
    params:
        source=source_of,
        content=archive_content,
        selection=selection_of,
        code=source_digest("fetch_period", other_sources),
    message:
        "Fetching period {wildcards.period} of {wildcards.dataset}"
    script:
        "../workflow/scripts/fetch_period.py"
