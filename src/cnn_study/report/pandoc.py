"""Runs Pandoc, for so long and no longer: marks within marks can take it for ever.

Knows nothing of what is read or written.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

RENDERING_SECONDS = 600
"""How long a whole document may take; that of a hundred experiments takes some ten seconds."""

SPARING = ("+RTS", "-F1.3", "-RTS")
"""Memory is collected when it has grown by 0.3 times, not doubled: 1.6 in place of 2.2 GB for the
page of 1,000 experiments, for a fifth more of Pandoc's time."""


class Done(NamedTuple):
    """What Pandoc wrote, and what it warned of.

    Attributes:
        status: of its process; 0 if it wrote what it was to write.
        said: what it wrote to stderr.
        log: its warnings and errors, as https://pandoc.org/MANUAL.html#option--log has them.
    """

    written: str
    status: int
    said: str
    log: list[dict[str, Any]]


class TooLong(Exception):
    """Pandoc was not ready in time, and was ended."""


def run_pandoc(
    arguments: Sequence[str], seconds: float, given: str = "", folder: Path | None = None
) -> Done:
    """Run Pandoc in a folder, of its own unless one is given.

    Raises:
        TooLong: it is not ready after so many seconds.
    """
    with tempfile.TemporaryDirectory(prefix="pandoc-") as own:
        log = Path(own) / "log.json"
        command = [*find_pandoc(), *arguments, f"--log={log}"]
        try:
            done = subprocess.run(
                command,
                cwd=folder or own,
                input=given,
                capture_output=True,
                encoding="utf-8",
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            raise TooLong(f"Pandoc did not finish in {seconds:g} seconds") from None
        entries = json.loads(log.read_text(encoding="utf-8")) if log.exists() else []
    kept = [entry for entry in entries if entry["verbosity"] in ("WARNING", "ERROR")]
    return Done(done.stdout, done.returncode, done.stderr, kept)


def find_pandoc() -> list[str]:
    """Prefer the pinned Pandoc inside the package to whatever stands on the PATH.

    Returns:
        The program, and options of its Haskell runtime, which another Pandoc may refuse.
    """
    import pypandoc

    bundled = shutil.which("pandoc", path=Path(pypandoc.__file__).parent / "files")
    return [bundled, *SPARING] if bundled else [pypandoc.get_pandoc_path()]


def message(entry: dict[str, Any]) -> str:
    """Say what Pandoc warned of; the words of a filter are said as they are."""
    return entry["message" if entry["type"] == "ScriptingWarning" else "pretty"]
