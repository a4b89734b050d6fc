"""From run records to tables, and from tables to evidence."""


rule collect_tables:
    """Put every run of the study, those that are missing too, into tidy tables."""
    input:
        records=PLAN.records(),
        search=PLAN.search or [],
        study=PLAN.study_files,
        code=planning.code("base", "data", "study", "runs", "tables"),
    output:
        tables=[f"{RESULTS}/tables/{name}" for name in PLAN.tables],
    log:
        f"{LOGS}/tables.log",
    benchmark:
        f"{LOGS}/tables.tsv"
    conda:
        "../../environment.yml"
    params:
        cnn_study=CNN_STUDY,
        study=PLAN.study.path,
    shell:
        "{params.cnn_study} tables {params.study:q} --log {log:q}"


rule analyse:
    """Work out what each change is worth: ledger, main effects, habits, suggestions."""
    input:
        tables=rules.collect_tables.output.tables,
        study=PLAN.study_files,
        code=planning.code("base", "data", "study", "tables", "evidence"),
    output:
        evidence=[f"{RESULTS}/evidence/{name}" for name in PLAN.evidence],
    log:
        f"{LOGS}/analyse.log",
    benchmark:
        f"{LOGS}/analyse.tsv"
    conda:
        "../../environment.yml"
    params:
        cnn_study=CNN_STUDY,
        study=PLAN.study.path,
    shell:
        "{params.cnn_study} analyse {params.study:q} --log {log:q}"


rule tables:
    """Tables and evidence of the study, every run trained."""
    input:
        rules.collect_tables.output,
        rules.analyse.output,
