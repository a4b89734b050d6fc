"""The published pages of a study: made by a deliberate act, from one commit, which they name.

The pages that a workflow makes stand in `report/` and are nobody's history: a changed word would
cost a commit of megabytes. Those that people are to read, cite and link stand in `published/`.
"""

import json
from pathlib import Path

from cnn_study.base import files
from cnn_study.base.checkout import whole_commit
from cnn_study.report import claims
from cnn_study.report.render import render
from cnn_study.study.model import Study

FOLDER = "published"
PAGES = ("index.html", "index.pdf")
ABOUT = "publication.json"
"""Beside the pages: the commit that they show, and the digests of all and of their text."""


def publish(study: Study, results: Path) -> Path:
    """Render the pages of a study anew, as of the commit that is checked out.

    Whoever calls it has made sure that the text is current.

    Returns:
        The folder of the pages.

    Raises:
        UserError: the study is in no checkout, or something in it differs from its commit.
    """
    folder = study.path.resolve().parent
    commit = whole_commit(folder, "what is published", aside=results / FOLDER)
    return make(study, results, commit)


def make(study: Study, results: Path, commit: str) -> Path:
    """Render the pages of a text that is there as of a commit, with their claims and digests."""
    folder = results / FOLDER
    text = results / "report" / "index.qmd"
    pages = [folder / name for name in PAGES]
    render(text, *pages, resources=results, engine="pandoc", commit=commit)
    listed = claims.with_column(text.with_name(claims.FILE), "commit", commit)
    files.write_whole(folder / claims.FILE, lambda file: file.write(listed.encode()))
    about = {
        "study": study.name,
        "commit": commit,
        "text_sha256": files.digest_of_file(text),
        "sha256": {
            path.name: files.digest_of_file(path) for path in (*pages, folder / claims.FILE)
        },
    }
    written = (json.dumps(about, indent=1) + "\n").encode()
    files.write_whole(folder / ABOUT, lambda file: file.write(written))
    return folder
