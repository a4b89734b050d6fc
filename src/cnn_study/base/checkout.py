"""What git knows of the project's checkout, if it is one."""

import subprocess
from pathlib import Path


def git(folder: Path, *command: str | Path) -> str:
    """Ask git, and give "" where it has no answer.

    Without optional locks: a commit that a person makes meanwhile must not find the index taken.
    """
    try:
        ended = subprocess.run(
            ["git", "--no-optional-locks", "-C", folder, *command],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return ""
    return ended.stdout.rstrip()
