"""From tables to figures, to the text, to HTML and PDF."""


rule draw_figures:
    """Draw every figure from tables and evidence."""
    input:
        made("tables", "evidence", "confirmed"),
        ancient(PLAN.inspection or []),
        ancient(PLAN.look_alikes or []),
    output:
        touch(PLAN.mark("figures")),
    log:
        f"{LOGS}/figures.log",
    benchmark:
        f"{LOGS}/figures.tsv"
    conda:
        ENVIRONMENT
    threads: 2
    params:
        cnn_study=CNN_STUDY,
        study=STUDY,
        again=unless_current,
    shell:
        "{params.cnn_study} figures {params.study:q} {params.again}"
        " --processes {threads} --log {log:q}"


rule write_report:
    """Put the values of the tables into the report's text."""
    input:
        made("tables", "evidence", "confirmed", "figures"),
        ancient(PLAN.inspection or []),
        ancient(PLAN.look_alikes or []),
    output:
        touch(PLAN.mark("text")),
    log:
        f"{LOGS}/write.log",
    benchmark:
        f"{LOGS}/write.tsv"
    conda:
        ENVIRONMENT
    params:
        cnn_study=CNN_STUDY,
        study=STUDY,
        again=unless_current,
    shell:
        "{params.cnn_study} write {params.study:q} {params.again} --log {log:q}"


rule render_report:
    """Render HTML and PDF: with Quarto where it is, else with Pandoc and Typst, or as is asked."""
    input:
        made("figures", "text"),
    output:
        touch(PLAN.mark("pages")),
    log:
        f"{LOGS}/render.log",
    benchmark:
        f"{LOGS}/render.tsv"
    conda:
        ENVIRONMENT
    threads: 2
    params:
        cnn_study=CNN_STUDY,
        study=STUDY,
        engine=PLAN.engine,
        again=unless_current,
    shell:
        "{params.cnn_study} render {params.study:q} {params.again}"
        " --engine {params.engine} --log {log:q}"


rule report:
    """The report of the study, every run trained."""
    input:
        made("pages"),
