"""From the dataset to the best models within a price: see the study's block `search`."""

# A search that is done has no rule, so that nothing does it again: see Plan.
if PLAN.search_missing:

    rule search_models:
        """Search for the best model at each price, and train it with seeds of its own."""
        input:
            arrays=ancient(str(PLAN.data)),
        output:
            found=update(PLAN.search),
        log:
            f"{LOGS}/search.log",
        benchmark:
            f"{LOGS}/search.tsv"
        conda:
            "../../environment.yml"
        # It trains on every core that Snakemake has, by itself, after the experiments.
        threads: os.cpu_count()
        resources:
            gpu=GPUS,
        params:
            cnn_study=CNN_STUDY,
            study=PLAN.study.path,
            workers=lambda wildcards, threads: GPUS or threads,
        shell:
            "{params.cnn_study} search {params.study:q}"
            " --data {input.arrays:q}"
            " --workers {params.workers}"
            " --log {log:q}"
