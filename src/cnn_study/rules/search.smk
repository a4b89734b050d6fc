"""From the dataset to the best models within a price: see the study's block `search`."""

# A search that is there is left as it is by its command: `update` keeps Snakemake from deleting it.
if PLAN.search:

    rule search_models:
        """Search for the best model at each price, and train it with seeds of its own."""
        input:
            PLAN.networks_known,
            lambda wildcards: PLAN.arrays if PLAN.search_missing else [],
        output:
            update(PLAN.search),
            touch(PLAN.search_tries),
        log:
            f"{LOGS}/search.log",
        benchmark:
            f"{LOGS}/search.tsv"
        conda:
            ENVIRONMENT
        # It trains on every core that Snakemake has, by itself, after the experiments.
        threads: os.cpu_count()
        resources:
            gpu=lambda wildcards: PLAN.gpus,
        params:
            cnn_study=CNN_STUDY,
            study=STUDY,
            data=PLAN.data,
            workers=lambda wildcards, threads: PLAN.gpus or threads,
            retry=RETRY,
        shell:
            "{params.cnn_study} search {params.study:q}"
            " --data {params.data:q}"
            " --workers {params.workers}"
            " {params.retry}"
            " --log {log:q}"
