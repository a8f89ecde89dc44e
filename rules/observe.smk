"""observe: where a network looks, and what it would have seen.

reads   {dataset}/grid/{period}
writes  {dataset}/networks/{network}/sites.csv,
        {dataset}/networks/{network}/{window}/observations.parquet
"""

NETWORKS, VARIANTS = (
    "|".join(names) or "-" for names in (CONFIG.networks, CONFIG.variants)
)


rule place_instruments:
    input:
        files=lambda w: sorted(set(LAYOUT.site_files(w.network).values())),
    output:
        sites=results("{dataset}", "networks", "{network}", "sites.csv"),
    log:
        logs("{dataset}", "networks", "{network}", "place_instruments"),
    benchmark:
        benchmarks("{dataset}", "networks", "{network}", "place_instruments")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(1_000),
        runtime=growing(15, longest),
    params:
        instruments=lambda w: LAYOUT.sites(w.network),
        withheld_share=lambda w: settings("networks", w.network)["withheld_share"],
        files=lambda w: LAYOUT.site_files(w.network),
        seed=lambda w: spawned("place", w.dataset, w.network),
        code=source_digest("place_instruments"),
    message:
        "Placing the instruments of network {wildcards.network}"
    script:
        "../workflow/scripts/place_instruments.py"


rule simulate_observations:
    input:
        truth=truth_of,
        sites=rules.place_instruments.output.sites,
    output:
        observations=results(
            "{dataset}", "networks", "{network}", "{window}", "observations.parquet"
        ),
    log:
        logs("{dataset}", "networks", "{network}", "{window}", "simulate_observations"),
    benchmark:
        benchmarks(
            "{dataset}", "networks", "{network}", "{window}", "simulate_observations"
        )
    wildcard_constraints:
        network=NETWORKS,
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(15, partial(longest, "simulate_observations")),
    params:
        network=of("networks"),
        state=state_of,
        seed=lambda w: spawned("observe", w.dataset, w.network, w.window),
        code=source_digest("simulate_observations"),
    message:
        "Simulating network {wildcards.network} during {wildcards.window}"
    script:
        "../workflow/scripts/simulate_observations.py"


rule vary_observations:
    input:
        network=lambda w: LAYOUT.observations(
            w.dataset, CONFIG.network_of(w.network), w.window
        ),
    output:
        observations=results(
            "{dataset}", "networks", "{network}", "{window}", "observations.parquet"
        ),
    log:
        logs("{dataset}", "networks", "{network}", "{window}", "vary_observations"),
    benchmark:
        benchmarks(
            "{dataset}", "networks", "{network}", "{window}", "vary_observations"
        )
    wildcard_constraints:
        network=VARIANTS,
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(1_000),
        runtime=growing(15, partial(longest, "vary_observations")),
    params:
        variant=variant_of,
        seed=lambda w: spawned("vary", w.dataset, CONFIG.network_of(w.network)),
        code=source_digest("vary_observations"),
    message:
        "Varying network {wildcards.network} during {wildcards.window}"
    script:
        "../workflow/scripts/vary_observations.py"
