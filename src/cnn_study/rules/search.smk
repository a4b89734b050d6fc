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
        # It trains on many cores by itself, after the experiments.
        threads: CORES
        resources:
            **needs(lambda threads: demands.of_search(PLAN.study, threads)),
            gpu=lambda wildcards: PLAN.gpus,
        params:
            cnn_study=CNN_STUDY,
            study=STUDY,
            data=PLAN.data,
            workers=lambda wildcards, threads, resources: resources.gpu or threads,
            retry=RETRY,
        shell:
            "{params.cnn_study} search {params.study:q}"
            " --data {params.data:q}"
            " --workers {params.workers}"
            " {params.retry}"
            " --log {log:q}"
