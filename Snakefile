"""From a study file to a report: train what is missing, search, inspect, tabulate, analyse, draw, render.

`snakemake --cores all` does the study cifar10; `--config study=digits` another one.
Each step is a command that can be run by hand: `python -m cnn_study --help`.
"""

import os
import shlex
import sys

from snakemake.logging import logger

from cnn_study import workflow as planning
from cnn_study.base.errors import UserError

logger.addFilter(planning.is_news)
try:
    PLAN = planning.plan(config)
    planning.check_profile(PLAN)
    LOCK = planning.lock(PLAN.results)
except UserError as error:
    sys.exit(str(error))

# The commands run in the environment that Snakemake runs in. `conda:` in the rules only names the
# file that makes it, for Snakemake's linter wants the software of each rule named.
CNN_STUDY = f"{shlex.quote(sys.executable)} -m cnn_study"
RESULTS = str(PLAN.results)
LOGS = f"logs/{PLAN.study.name}"
GPUS = PLAN.gpus

# One training at a time on each GPU, or on as many as `--resources gpu=N` says.
if GPUS and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", GPUS)


# Without a target, everything.
rule all:
    """Tables, evidence, figures, report and inspection of the study, every run trained."""
    default_target: True
    input:
        [f"{RESULTS}/tables/{name}" for name in PLAN.tables],
        [f"{RESULTS}/evidence/{name}" for name in PLAN.evidence],
        [f"{RESULTS}/figures/{name}" for name in PLAN.figures],
        f"{RESULTS}/report/index.html",
        f"{RESULTS}/report/index.pdf",
        PLAN.inspection or [],
        PLAN.search or [],


include: "src/rules/train.smk"
include: "src/rules/search.smk"
include: "src/rules/inspect.smk"
include: "src/rules/tables.smk"
include: "src/rules/report.smk"
