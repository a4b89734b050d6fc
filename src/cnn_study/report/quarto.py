"""Rendering with Quarto, and reading what it only warns of."""

import datetime
import os
import re
import subprocess
import sys
from pathlib import Path

from cnn_study.report.front_matter import _date, front_matter, refuse
from cnn_study.report.pandoc import RENDERING_SECONDS

QUARTO_WARNING = re.compile(r"^\W*warn(ing)?\b", re.IGNORECASE)
QUARTO_OWN = re.compile(r"^\[WARNING\] Scripting warning at \S+ line \d+ column \d+: ")
"""What stands before the words of our own filter."""
QUARTO_ERROR = re.compile(r"^\W*error\b", re.IGNORECASE)
QUARTO_HARMLESS = ("PDF standard validation requested but verapdf is not installed.",)
"""Warnings that say nothing of the document: Typst itself refuses what PDF/UA-1 does not allow."""

TOLD_LINES, TOLD_WIDTH = 20, 160
"""Of what Quarto prints when it fails, which may be the whole document."""


# Quarto


def render_with_quarto(stage: Path, name: str, target: str, commit: str | None = None) -> bytes:
    """Give the page ("html"), with its pictures still beside it, or the PDF ("typst").

    Quarto exits 0 on unknown references: its warnings are errors here.
    """
    day = _date(name, front_matter(name, (stage / name).read_text(encoding="utf-8")))
    midnight = datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC)
    environment = os.environ | {
        "NO_COLOR": "1",
        "SOURCE_DATE_EPOCH": str(int(midnight.timestamp())),
    }
    log = stage / f"quarto-{target}.log"
    arguments = ["quarto", "render", name, "--to", target, "--log", log.name]
    arguments += ["-M", "embed-resources:false"] if target == "html" else []
    arguments += ["-M", f"commit:{commit[:10]}"] if commit else []
    try:
        done = subprocess.run(
            arguments,
            cwd=stage,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=RENDERING_SECONDS,
        )
    except subprocess.TimeoutExpired:
        refuse(name, [f"Quarto did not finish in {RENDERING_SECONDS:g} seconds"])
        raise
    logged = log.read_text(encoding="utf-8") if log.exists() else ""
    refuse(name, quarto_faults(done.stdout + done.stderr + logged, done.returncode))
    return (stage / name).with_suffix({"html": ".html", "typst": ".pdf"}[target]).read_bytes()


def quarto_faults(log: str, status: int) -> list[str]:
    """Return the warnings in what Quarto printed; if it failed, what it says from the first error.

    All of it, if it failed, goes to stderr too.
    """
    lines = re.sub(r"\x1b\[[0-9;]*m", "", log).splitlines()
    warnings = (QUARTO_OWN.sub("", line) for line in lines if QUARTO_WARNING.match(line))
    said = dict.fromkeys(line[:TOLD_WIDTH] for line in warnings)
    faults = [line for line in said if not line.endswith(QUARTO_HARMLESS)]
    if not status:
        return faults
    print(log, file=sys.stderr)
    errors = (number for number, line in enumerate(lines) if QUARTO_ERROR.search(line))
    first = next(errors, max(0, len(lines) - TOLD_LINES))
    excerpt = [line[:TOLD_WIDTH] for line in lines[first : first + TOLD_LINES]]
    return [*faults, "\n".join(excerpt) or f"Quarto ended with status {status} and said nothing"]
