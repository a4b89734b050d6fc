"""The study of this checkout: `snakemake --cores all` does cifar10, `--config study=digits` another one.

The rules stand in src/cnn_study/rules; each step is a command that can be run by hand:
`python -m cnn_study --help`.
"""

import sys

# This checkout's package, whichever one is installed, here and in the commands of the rules.
SOURCES = f"{workflow.basedir}/src"
sys.path.insert(0, SOURCES)

from cnn_study import workflow as planning

planning.use_sources(SOURCES)


include: "src/cnn_study/rules/study.smk"


# Without a target, everything.
rule all:
    """Tables, evidence, figures, report and inspection of the study, every run trained."""
    input:
        whole_study,
