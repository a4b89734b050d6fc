"""Puts into a wheel what the package needs of the project around it: see cnn_study.base.places."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

CARRIED = (
    *("report", "profiles", "environment.yml"),
    # What an archive of a study needs beside the sources, so that others can install from it.
    *("pyproject.toml", "setup.py", "requirements.lock", "CITATION.cff", "LICENSE"),
)


class WithProject(build_py):
    """Builds the package as ever, and copies the project's own files into it."""

    def run(self) -> None:
        """Build, and copy."""
        super().run()
        if self.editable_mode:
            return  # the package stands in the project
        for name in CARRIED:
            target = Path(self.build_lib, "cnn_study", "project", name)
            target.parent.mkdir(parents=True, exist_ok=True)
            if Path(name).is_dir():
                shutil.copytree(name, target, dirs_exist_ok=True, ignore=_left_out)
            else:
                shutil.copyfile(name, target)


def _left_out(folder: str, names: list[str]) -> set[str]:
    """Leave out what `quarto render report/` brings together there."""
    return {"rendered", "figures", "report", "index.qmd", "__pycache__"} & set(names)


setup(cmdclass={"build_py": WithProject})
