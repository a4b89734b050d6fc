"""From the dataset and the kept weights to small arrays, for which neither is needed again."""

# An inspection that is there is left as it is by its command: `update` keeps Snakemake from
# deleting it.
if PLAN.inspection:

    rule inspect_models:
        """Look into the networks whose weights are kept, and fit the models without a network."""
        input:
            PLAN.networks_known,
            lambda wildcards: PLAN.arrays if PLAN.inspection_missing else [],
            ancient(PLAN.inspected_records()),
        output:
            facts=update(PLAN.inspection),
            arrays=update(PLAN.inspection.replace(".json", ".npz")),
        log:
            f"{LOGS}/inspect.log",
        benchmark:
            f"{LOGS}/inspect.tsv"
        # Before the trainings that are left: it takes minutes of one core, and so not the last.
        priority: len(PLAN.wanted) + 1
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **needs(lambda threads: demands.of_inspection(PLAN.study)),
            gpu=lambda wildcards: min(1, PLAN.gpus),
        params:
            cnn_study=CNN_STUDY,
            study=STUDY,
            data=PLAN.data,
        shell:
            "{params.cnn_study} inspect {params.study:q} --data {params.data:q} --log {log:q}"


# It waits for the runs, since it also keeps images that the best of them misread.
if PLAN.look_alikes:

    rule find_look_alikes:
        """Search for test images that stand, hardly altered, among the training images."""
        input:
            PLAN.networks_known,
            lambda wildcards: PLAN.arrays if PLAN.look_alikes_missing else [],
            ancient(PLAN.records_to_come()),
        output:
            answers=update(PLAN.answers or []),
            facts=update(PLAN.look_alikes),
            arrays=update(PLAN.look_alikes.replace(".json", ".npz")),
        log:
            f"{LOGS}/look-alikes.log",
        benchmark:
            f"{LOGS}/look-alikes.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **needs(lambda threads: demands.of_inspection(PLAN.study)),
        params:
            cnn_study=CNN_STUDY,
            study=STUDY,
            data=PLAN.data,
        shell:
            "{params.cnn_study} look-alikes {params.study:q} --data {params.data:q} --log {log:q}"
