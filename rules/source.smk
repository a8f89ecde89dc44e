"""source: one period of a dataset, simulated, read or downloaded, as its source has it.

reads   the files of an archive, below data_root, or a public archive
writes  {dataset}/source/{period}, {dataset}/audit/{period}; in resources: what was downloaded,
        and a manifest of each stretch of it; spun-up states and compiled programs of the nature run
"""


rule fetch_stretch:
    output:
        manifest=shared("{origin}", "{request}", "{stretch}.json"),
    log:
        logs("downloads", "{origin}", "{request}", "fetch_stretch", "{stretch}"),
    benchmark:
        benchmarks("downloads", "{origin}", "{request}", "fetch_stretch", "{stretch}")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(4_000),
        runtime=growing(480, longest),
        downloads=1,
        connections=CONFIG.transfer.connections,
        stall_seconds=CONFIG.transfer.stall_seconds,
        patience_seconds=CONFIG.transfer.patience_seconds,
    params:
        source=origin_of,
        selection=stretch_of,
        code=source_digest("fetch_stretch", lambda wildcards: DOWNLOADING),
    message:
        "Downloading {wildcards.stretch} of {wildcards.origin}"
    script:
        "../workflow/scripts/fetch_stretch.py"


rule check_archive:
    output:
        checked=results("archive.json"),
    log:
        logs("check_archive"),
    benchmark:
        benchmarks("check_archive")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(1_000),
        runtime=growing(480, longest),
    params:
        folder=CONFIG.resources,
        code=source_digest("check_archive"),
    message:
        "Comparing all that was downloaded with its manifests"
    script:
        "../workflow/scripts/check_archive.py"


rule fetch_period:
    input:
        archive=archive_files,
        manifests=manifests_of,
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


rule audit_period:
    input:
        fields=rules.fetch_period.output.fields,
    output:
        measures=results("{dataset}", "audit", "{period}", "measures.parquet"),
        record=results("{dataset}", "audit", "{period}", "record.json"),
    log:
        logs("{dataset}", "audit", "audit_period", "{period}"),
    benchmark:
        benchmarks("{dataset}", "audit", "audit_period", "{period}")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(3_000),
        runtime=growing(120, longest),
    params:
        code=source_digest("audit_period"),
    message:
        "Auditing period {wildcards.period} of {wildcards.dataset}"
    script:
        "../workflow/scripts/audit_period.py"


rule check_period:
    input:
        measures=rules.audit_period.output.measures,
        record=rules.audit_period.output.record,
    output:
        findings=results("{dataset}", "audit", "{period}", "findings.csv"),
    log:
        logs("{dataset}", "audit", "check_period", "{period}"),
    benchmark:
        benchmarks("{dataset}", "audit", "check_period", "{period}")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(1_000),
        runtime=growing(10, longest),
    params:
        times=times_of,
        exclude=excluded_of,
        audit=CONFIG.audit.model_dump(mode="json"),
        code=source_digest("check_period"),
    message:
        "Judging the audit of period {wildcards.period} of {wildcards.dataset}"
    script:
        "../workflow/scripts/check_period.py"
