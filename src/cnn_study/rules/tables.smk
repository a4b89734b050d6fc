"""From run records to tables, and from tables to evidence."""


rule collect_tables:
    """Put every run of the study, those that are missing too, into tidy tables."""
    input:
        images=PLAN.images_known,
        networks=PLAN.networks_known,
        records=ancient(PLAN.records_to_come()),
        search=ancient(PLAN.searched),
        look_alikes=ancient(PLAN.look_alikes or []),
        answers=ancient(PLAN.answers or []),
    output:
        touch(PLAN.mark("tables")),
    log:
        f"{LOGS}/tables.log",
    benchmark:
        f"{LOGS}/tables.tsv"
    conda:
        ENVIRONMENT
    params:
        cnn_study=CNN_STUDY,
        study=STUDY,
        again=unless_current,
    shell:
        "{params.cnn_study} tables {params.study:q} {params.again} --log {log:q}"


rule analyse:
    """Work out what each change is worth: ledger, main effects, suggestions."""
    input:
        made("tables"),
    output:
        touch(PLAN.mark("evidence")),
    log:
        f"{LOGS}/analyse.log",
    benchmark:
        f"{LOGS}/analyse.tsv"
    conda:
        ENVIRONMENT
    params:
        cnn_study=CNN_STUDY,
        study=STUDY,
        again=unless_current,
    shell:
        "{params.cnn_study} analyse {params.study:q} {params.again} --log {log:q}"


rule judge_confirmation:
    """Work out what the suggestions gain with seeds that chose nothing."""
    input:
        made("tables", "evidence"),
        fresh_runs,
    output:
        touch(PLAN.mark("confirmed")),
    log:
        f"{LOGS}/confirmed.log",
    benchmark:
        f"{LOGS}/confirmed.tsv"
    conda:
        ENVIRONMENT
    params:
        cnn_study=CNN_STUDY,
        study=STUDY,
        again=unless_current,
    shell:
        "{params.cnn_study} confirmed {params.study:q} {params.again} --log {log:q}"


rule tables:
    """Tables and evidence of the study, every run trained."""
    input:
        made("tables", "evidence", "confirmed"),
