"""Brings a study's text, figures and page parts here, so that `quarto render report/` finds them.

Quarto runs this before it renders (`_quarto.yml`). The study is `cifar10`, or what the environment
variable CNN_STUDY names. Needs nothing but Python.
"""

import os
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Copy what the document needs from results/<study>/ to this folder; see .gitignore."""
    study = os.environ.get("CNN_STUDY", "cifar10")
    results = HERE.parent / "results" / study
    if not (results / "report" / "index.qmd").is_file():
        sys.exit(
            f"CNN_STUDY={study}: results/{study}/report/index.qmd is not there. Write it first: "
            f"snakemake --cores all --config study={study}"
        )
    for name in ("figures", "report"):
        shutil.rmtree(HERE / name, ignore_errors=True)
    shutil.copytree(results / "figures", HERE / "figures")
    (HERE / "report").mkdir()
    shutil.copyfile(results / "report" / "page.html", HERE / "report" / "page.html")
    shutil.copyfile(results / "report" / "index.qmd", HERE / "index.qmd")


if __name__ == "__main__":
    main()
