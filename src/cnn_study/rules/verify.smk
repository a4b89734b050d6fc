"""Checking what is there; no part of `all`."""


rule verify:
    """Make all that stands in the report anew from the records, and write a certificate."""
    log:
        f"{LOGS}/verify.log",
    benchmark:
        f"{LOGS}/verify.tsv"
    conda:
        ENVIRONMENT
    threads: cores()
    params:
        cnn_study=CNN_STUDY,
        study=STUDY,
    shell:
        "{params.cnn_study} verify {params.study:q} --log {log:q}"
