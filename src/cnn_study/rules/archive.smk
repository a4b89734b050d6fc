"""From a finished study to one file for others: asked for by name, no part of everything."""


# It leaves a file that may be there and is packed again with the same bytes: no output and no
# benchmark is named, so that Snakemake neither deletes it before nor takes it for current when a
# commit is new.
rule archive_study:
    """Pack records, tables, report, code and environment, which must be committed."""
    input:
        whole_study,
    log:
        f"{LOGS}/archive.log",
    conda:
        ENVIRONMENT
    params:
        cnn_study=CNN_STUDY,
        study=STUDY,
    shell:
        "{params.cnn_study} archive {params.study:q} --log {log:q}"
