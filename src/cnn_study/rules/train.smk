"""From the images to one record a run."""


# Other studies may read the arrays meanwhile: `update` keeps Snakemake from deleting them first.
# The mark is asked for instead where the arrays that are there are damaged, or where it is not
# written down yet which images a study of its own has.
rule prepare_data:
    """Get the dataset, check it, and make the arrays that training reads."""
    output:
        arrays=update(str(PLAN.data)),
        mark=touch(PLAN.mark(planning.ARRAYS)),
    log:
        f"{LOGS}/prepare.log",
    benchmark:
        f"{LOGS}/prepare.tsv"
    conda:
        ENVIRONMENT
    params:
        cnn_study=CNN_STUDY,
        dataset=verbatim(PLAN.dataset),
        source=SOURCE,
        accept="--accept-data" if PLAN.unknown_images else "",
    shell:
        "{params.cnn_study} prepare {params.dataset:q}"
        " {params.source:q} {params.accept}"
        " --output {output.arrays:q}"
        " --log {log:q}"


# What is known of networks is needed by whoever reads the study, before anything else is done.
if PLAN.study.own_networks:

    rule describe_networks:
        """Build the networks of the study's own, and keep what they are made of beside it."""
        input:
            PLAN.images_known,
        output:
            touch(PLAN.mark(planning.NETWORKS)),
        log:
            f"{LOGS}/describe.log",
        benchmark:
            f"{LOGS}/describe.tsv"
        localrule: True
        conda:
            ENVIRONMENT
        params:
            cnn_study=CNN_STUDY,
            study=STUDY,
            source=SOURCE,
        shell:
            "{params.cnn_study} describe {params.study:q} {params.source:q} --log {log:q}"


# A record that is there, or comes while the workflow runs (from a training that outlived a killed
# workflow, say), is never deleted: `update` keeps Snakemake from it before the job, and
# `keep-incomplete` in the profile after a job that failed. The command leaves it as it is.
for batch in PLAN.batches:

    rule:
        """Train short runs of one experiment one after the other, or of several, or groups of runs."""
        name:
            batch.rule
        input:
            PLAN.networks_known,
            lambda wildcards, batch=batch: PLAN.arrays_for(batch),
        output:
            update(list(batch.records)),
            touch(PLAN.tries(batch)),
        log:
            f"{LOGS}/{batch.runs[0]}.log",
        benchmark:
            f"{LOGS}/{batch.runs[0]}.tsv"
        priority: batch.priority
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **needs(lambda threads, batch=batch: demands.of_training(PLAN.study, batch.trained)),
            gpu=lambda wildcards: min(1, PLAN.gpus),
        params:
            cnn_study=CNN_STUDY,
            study=STUDY,
            runs=batch.runs,
            data=PLAN.data,
            retry=RETRY,
        shell:
            "{params.cnn_study} train {params.study:q} {params.runs:q}"
            " --data {params.data:q}"
            " {params.retry}"
            " --log {log:q}"

    # `--set-resources train:…` is of all of them.
    workflow.get_rule(batch.rule).resources.update(
        SETTINGS.overwrite_resources.get("train", {})
    )


# One target for each experiment, by its id.
for experiment in PLAN.study.experiments:

    rule:
        """One experiment with all its seeds."""
        name:
            experiment
        input:
            PLAN.records(experiment),
