"""From tables to figures, to the text, to HTML and PDF."""

# Light and dark ones side by side, since drawing takes longest of all that follows training.
for look in LOOKS:

    rule:
        name:
            f"draw_{look}_figures"
        input:
            tables=rules.collect_tables.output.tables,
            evidence=rules.analyse.output.evidence,
            code=planning.code("figures", "columns", "tables", "inference"),
        output:
            figures=[f"{RESULTS}/figures/{name}" for name in PLAN.figures(look)],
        log:
            f"{LOGS}/figures-{look}.log",
        benchmark:
            f"{LOGS}/figures-{look}.tsv"
        conda:
            "../../environment.yml"
        params:
            cnn_study=CNN_STUDY,
            study=PLAN.study.path,
            look=look,
        shell:
            "{params.cnn_study} figures {params.study:q} --look {params.look} 2> {log:q}"


rule write_report:
    """Put the values of the tables into the report's text."""
    input:
        tables=rules.collect_tables.output.tables,
        evidence=rules.analyse.output.evidence,
        figures=rules.draw_light_figures.output.figures,
        templates=planning.templates(),
        code=planning.code("report", "values", "listing", "columns", "architecture", "settings"),
    output:
        text=f"{RESULTS}/report/index.qmd",
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
        "{params.cnn_study} write {params.study:q} 2> {log:q}"


rule render_report:
    """Render HTML and PDF: with Quarto where it is, else with Pandoc and Typst."""
    input:
        text=rules.write_report.output.text,
        light=rules.draw_light_figures.output.figures,
        dark=rules.draw_dark_figures.output.figures,
        theme=planning.theme(),
        code=planning.code("render"),
    output:
        html=f"{RESULTS}/report/index.html",
        pdf=f"{RESULTS}/report/index.pdf",
    log:
        f"{LOGS}/render.log",
    benchmark:
        f"{LOGS}/render.tsv"
    conda:
        "../../environment.yml"
    params:
        cnn_study=CNN_STUDY,
    shell:
        "{params.cnn_study} render {input.text:q}"
        " --html {output.html:q}"
        " --pdf {output.pdf:q}"
        " 2> {log:q}"


rule report:
    """The report of the study, every run trained."""
    input:
        rules.render_report.output,
