"""From the dataset's archive to one record a run."""


rule prepare_data:
    """Get the dataset, check it, and make the arrays that training reads."""
    output:
        arrays=str(PLAN.data),
    log:
        f"{LOGS}/prepare.log",
    benchmark:
        f"{LOGS}/prepare.tsv"
    conda:
        "../../environment.yml"
    params:
        cnn_study=CNN_STUDY,
        dataset=PLAN.study.dataset.name,
        source=["--source", PLAN.source] if PLAN.source else [],
    shell:
        "{params.cnn_study} prepare {params.dataset}"
        " {params.source:q}"
        " --output {output.arrays:q}"
        " --log {log:q}"


rule train:
    """Train one seed of one experiment. Records that are there have no rule: see Plan.

    A record that comes while the workflow runs (from a training that outlived a killed workflow,
    say) is an output already: `update` keeps Snakemake from deleting it before the job.
    """
    input:
        arrays=ancient(str(PLAN.data)),
    output:
        record=update(f"{RESULTS}/runs/{{run}}.json"),
    log:
        f"{LOGS}/{{run}}.log",
    benchmark:
        f"{LOGS}/{{run}}.tsv"
    wildcard_constraints:
        run=PLAN.missing_pattern,
    priority: lambda wildcards: PLAN.priority(wildcards.run)
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=min(1, machine.gpus()),
    params:
        cnn_study=CNN_STUDY,
        study=PLAN.study.path,
        experiment=lambda wildcards: wildcards.run.split("/")[0],
        seed=lambda wildcards: wildcards.run.rpartition("-")[2],
    shell:
        "{params.cnn_study} train {params.study:q} {params.experiment}"
        " --seed {params.seed}"
        " --data {input.arrays:q}"
        " --log {log:q}"


# One target for each experiment, by its id.
for experiment in PLAN.study.experiments:

    rule:
        name:
            experiment
        input:
            PLAN.records(experiment),
