"""From what the evidence suggests to runs that chose nothing: see the study's key `confirmation`."""

# What is suggested is known only when the evidence is made, so no record is an output here: the
# command finds out which are missing, and leaves those that are there as they are.
if PLAN.study.fresh_seeds:

    rule confirm_suggestions:
        """Train what is suggested, and what it changes, again with fresh seeds."""
        input:
            made("evidence"),
        output:
            touch(PLAN.mark(planning.FRESH_RUNS)),
        log:
            f"{LOGS}/confirm.log",
        benchmark:
            f"{LOGS}/confirm.tsv"
        conda:
            ENVIRONMENT
        # It trains on many cores by itself.
        threads: CORES
        resources:
            **needs(lambda threads: demands.of_confirmation(PLAN.study, threads)),
            gpu=lambda wildcards: PLAN.gpus,
        params:
            cnn_study=CNN_STUDY,
            study=STUDY,
            data=PLAN.data,
            source=SOURCE,
            workers=lambda wildcards, threads, resources: resources.gpu or threads,
            retry=RETRY,
        shell:
            "{params.cnn_study} confirm {params.study:q}"
            " --data {params.data:q}"
            " {params.source:q}"
            " --workers {params.workers}"
            " {params.retry}"
            " --log {log:q}"
