"""From tables to figures, to the text, to HTML and PDF."""


rule draw_figures:
    """Draw every figure from tables and evidence."""
    input:
        tables=rules.collect_tables.output.tables,
        evidence=rules.analyse.output.evidence,
        inspection=PLAN.inspection or [],
        code=planning.code("base", "data", "study", "runs", "tables", "evidence", "figures"),
    output:
        figures=[f"{RESULTS}/figures/{name}" for name in PLAN.figures],
    log:
        f"{LOGS}/figures.log",
    benchmark:
        f"{LOGS}/figures.tsv"
    conda:
        "../../environment.yml"
    threads: 2
    params:
        cnn_study=CNN_STUDY,
        study=PLAN.study.path,
    shell:
        "{params.cnn_study} figures {params.study:q} --processes {threads} --log {log:q}"


rule write_report:
    """Put the values of the tables into the report's text."""
    input:
        tables=rules.collect_tables.output.tables,
        evidence=rules.analyse.output.evidence,
        figures=rules.draw_figures.output.figures,
        inspection=PLAN.inspection or [],
        study=PLAN.study_files,
        templates=planning.templates(),
        scripts=planning.scripts(),
        code=planning.code("base", "data", "study", "runs", "tables", "evidence", "report"),
    output:
        text=f"{RESULTS}/report/index.qmd",
        page=f"{RESULTS}/report/page.html",
    log:
        f"{LOGS}/write.log",
    benchmark:
        f"{LOGS}/write.tsv"
    conda:
        "../../environment.yml"
    params:
        cnn_study=CNN_STUDY,
        study=PLAN.study.path,
    shell:
        "{params.cnn_study} write {params.study:q} --log {log:q}"


rule render_report:
    """Render HTML and PDF: with Quarto where it is, else with Pandoc and Typst."""
    input:
        text=rules.write_report.output.text,
        page=rules.write_report.output.page,
        figures=rules.draw_figures.output.figures,
        theme=planning.theme(),
        code=planning.code("report"),
    output:
        html=f"{RESULTS}/report/index.html",
        pdf=f"{RESULTS}/report/index.pdf",
        rendered=f"{RESULTS}/report/rendered.json",
    log:
        f"{LOGS}/render.log",
    benchmark:
        f"{LOGS}/render.tsv"
    conda:
        "../../environment.yml"
    threads: 2
    params:
        cnn_study=CNN_STUDY,
    shell:
        "{params.cnn_study} render {input.text:q}"
        " --html {output.html:q}"
        " --pdf {output.pdf:q}"
        " --log {log:q}"


rule report:
    """The report of the study, every run trained."""
    input:
        rules.render_report.output,
