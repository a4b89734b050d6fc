"""From a study file to a report: train what is missing, search, inspect, tabulate, confirm, draw, render.

Reading this changes nothing, and gives the same rules whatever is done already and whichever
process reads it: Snakemake itself, or a job of its own on another machine.
"""

import shlex
import sys
from pathlib import Path

from snakemake.logging import logger

from cnn_study.base.stopping import told_in_a_line

told_in_a_line()  # before what takes time to import

from cnn_study import workflow as planning
from cnn_study.base.cores import cores
from cnn_study.base.errors import UserError
from cnn_study.base.files import unfit_told
from cnn_study.base.places import PROJECT
from cnn_study.execute import demands

planning.stop_in_time()

try:
    planning.check_place(Path.cwd())
    JOBS = planning.Jobs.asked(sys.argv[1:], within=workflow.remote_exec)
    with unfit_told():
        PLAN = planning.plan(config, JOBS)
    planning.check_profile(PLAN)
    planning.check_cores(workflow.resource_settings.cores)
    planning.check_deployment(workflow.deployment_settings.deployment_method)
except UserError as error:
    sys.exit(str(error))

SETTINGS = workflow.resource_settings
logger.addFilter(planning.News(PLAN, SETTINGS.nodes if JOBS.submitted else SETTINGS.cores))


def verbatim(value):
    """Give a parameter in whose text braces are no wildcards, as in a path of somebody else's."""
    return lambda wildcards: value


# The commands run in the environment that Snakemake runs in. `conda:` in the rules only names the
# file that makes it, for Snakemake's linter wants the software of each rule named; it fills in that
# name too.
CNN_STUDY = verbatim(f"{shlex.quote(sys.executable)} -m cnn_study")
STUDY = verbatim(PLAN.study.path)
SOURCE = verbatim(["--source", PLAN.source] if PLAN.source else [])
ENVIRONMENT = str(PROJECT / "environment.yml").replace("{", "{{").replace("}", "}}")
RETRY = "--retry failed" if PLAN.retry else ""
# What trains by itself on many cores takes all of this machine, or so many of another one.
CORES = 4 if JOBS.submitted else cores()
RESULTS = str(PLAN.results)
LOGS = f"logs/{PLAN.study.name}"


def made(*stages):
    """Ask for the products of stages; by force also for those that are current."""
    return lambda wildcards: PLAN.made(*stages, forced=workflow.dag_settings.forceall)


def fresh_runs(wildcards):
    """Ask for the runs that confirm suggestions, where any may be missing."""
    return PLAN.fresh_runs(forced=workflow.dag_settings.forceall)


def whole_study(wildcards):
    """Ask for everything that a study leaves: what the rule `all` of a Snakefile takes in."""
    return PLAN.whole(forced=workflow.dag_settings.forceall)


def unless_current(wildcards):
    """Let a stage make nothing if what it reads comes out as before, unless it is forced."""
    settings = workflow.dag_settings
    return "" if settings.forceall or settings.forcerun else "--unless-current"


def needs(demand):
    """Ask for memory and time, which a cluster keeps a job to; more, where it is tried again."""

    def attempts(name):
        return lambda wildcards, threads, attempt: attempt * getattr(demand(threads), name)

    return {"mem_mb": attempts("megabytes"), "runtime": attempts("minutes")}


# One training at a time on each GPU, or on as many as `--resources gpu=N` says.
if workflow.is_main_process and PLAN.gpus and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", PLAN.gpus)


onstart:
    # Again, since Snakemake would let what runs come to its end, which may take hours.
    planning.stop_in_time()
    # Only the process that runs the workflow: its jobs on other machines come here too.
    if workflow.is_main_process:
        try:
            planning.begin(PLAN)
        except UserError as error:
            sys.exit(str(error))


def end():
    """Clear what stood for stages while the workflow ran, and say which runs are there and failed."""
    if workflow.is_main_process:
        planning.end(PLAN)
        for line in planning.failures(PLAN):
            logger.warning(line)


onsuccess:
    end()


onerror:
    end()


# What is made from the records takes seconds, and the machines of a cluster may not reach the source
# of a dataset: this is done where Snakemake runs.
localrules:
    prepare_data,
    collect_tables,
    analyse,
    judge_confirmation,
    draw_figures,
    write_report,
    render_report,
    verify,
    archive_study,


include: "train.smk"
include: "search.smk"
include: "confirm.smk"
include: "inspect.smk"
include: "tables.smk"
include: "report.smk"
include: "verify.smk"
include: "archive.smk"
