"""What git knows of a checkout, the project's or that of somebody's study."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

from cnn_study.base.errors import UserError
from cnn_study.base.words import first_lines

ENGLISH = {"LC_ALL": "C"}


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


def refusal(folder: Path) -> str:
    """Give what git says where a checkout is another user's, which it does not read unasked."""
    command = ["git", "-C", folder, "rev-parse", "HEAD"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, env=os.environ | ENGLISH)
    except OSError:
        return ""
    return said.stderr.strip() if "safe.directory" in said.stderr else ""


def whole_commit(folder: Path, what: str, aside: Path | None = None) -> str:
    """Give the commit that is checked out, if nothing in the checkout differs from it.

    Args:
        folder: lies in the checkout.
        what: is made from the commit, as a noun with its verb, such as "what is published".
        aside: a folder in which files may differ.

    Raises:
        UserError: it is no checkout with a commit, git does not trust whoever owns it, or
            something differs from it.
    """
    commit = git(folder, "rev-parse", "HEAD")
    if not commit and (said := refusal(folder)):
        raise UserError(f"{folder}: {what} must say which commit it shows, and git says: {said}")
    if not commit:
        raise UserError(
            f"{folder} is in no checkout with a commit: {what} must say which one it shows. Put "
            "the study under git first: git init, git add, git commit."
        )
    top = Path(git(folder, "rev-parse", "--show-toplevel"))
    entries = git(top, "status", "--porcelain", "-z").split("\0")
    changed = [entry[3:] for entry in entries if entry[2:3] == " "]  # state, blank, path
    if aside:
        changed = [path for path in changed if not (top / path).is_relative_to(aside.resolve())]
    if changed:
        shown = "\n".join(f"  {path}" for path in first_lines(changed))
        raise UserError(
            f"what is here differs from commit {commit[:10]}:\n{shown}\nCommit it first: {what} "
            "says which commit it shows."
        )
    return commit


def day_of(folder: Path) -> str:
    """Give the day of the commit that is checked out, as YYYY-MM-DD."""
    return git(folder, "show", "--no-patch", "--format=%cs", "HEAD")


def committed_files(folder: Path, but: str) -> dict[str, bytes]:
    """Read all files of the commit under a folder, by their path from there.

    Args:
        but: a folder in it that is left out.

    Raises:
        UserError: git cannot give them.
    """
    command = ["git", "-C", folder, "archive", "--format=tar", "HEAD", ".", f":(exclude){but}"]
    try:
        ended = subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or str(error).encode()
        raise UserError(f"{folder}: git archive gave nothing: {said.decode()}") from None
    with tarfile.open(fileobj=io.BytesIO(ended.stdout)) as tar:
        opened = {entry.name: tar.extractfile(entry) for entry in tar if entry.isfile()}
        return {name: file.read() for name, file in opened.items() if file}
