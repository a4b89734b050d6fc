"""From a study file to a report: train what is missing, search, inspect, tabulate, analyse, draw, render.

Reading this changes nothing, and gives the same rules whatever is done already and whichever
process reads it: Snakemake itself, or a job of its own on another machine.
"""

import os
import shlex
import sys

from snakemake.logging import logger

from cnn_study import workflow as planning
from cnn_study.base.errors import UserError
from cnn_study.base.places import PROJECT

try:
    PLAN = planning.plan(config)
    planning.check_profile(PLAN)
    planning.check_deployment(workflow.deployment_settings.deployment_method)
except UserError as error:
    sys.exit(str(error))

logger.addFilter(planning.News(PLAN, workflow.resource_settings.cores))

# The commands run in the environment that Snakemake runs in. `conda:` in the rules only names the
# file that makes it, for Snakemake's linter wants the software of each rule named.
CNN_STUDY = f"{shlex.quote(sys.executable)} -m cnn_study"
ENVIRONMENT = str(PROJECT / "environment.yml")
RESULTS = str(PLAN.results)
LOGS = f"logs/{PLAN.study.name}"

# A stage whose inputs come out as before makes nothing, unless everything is asked for by force.
AGAIN = "" if workflow.dag_settings.forceall else "--unless-current"

# One training at a time on each GPU, or on as many as `--resources gpu=N` says.
if workflow.is_main_process and PLAN.gpus and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", PLAN.gpus)


onstart:
    # Only the process that runs the workflow: its jobs on other machines come here too.
    if workflow.is_main_process:
        try:
            LOCK = planning.begin(PLAN)
        except UserError as error:
            sys.exit(str(error))


onsuccess:
    if workflow.is_main_process:
        planning.end(PLAN)


onerror:
    if workflow.is_main_process:
        planning.end(PLAN)


# What is made from the records takes seconds: it is made where Snakemake runs.
localrules:
    all,
    collect_tables,
    analyse,
    draw_figures,
    write_report,
    render_report,


# Without a target, everything.
rule all:
    """Tables, evidence, figures, report and inspection of the study, every run trained."""
    default_target: True
    input:
        PLAN.made("tables", "evidence", "figures", "text", "pages"),
        PLAN.inspection or [],
        PLAN.search or [],


include: "train.smk"
include: "search.smk"
include: "inspect.smk"
include: "tables.smk"
include: "report.smk"
