"""Turns a finished Quarto document into HTML and PDF: with Quarto, or with Pandoc and Typst.

Knows nothing of runs, of tables or of what the document says.
"""

import base64
import datetime
import json
import os
import re
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from typing import Any

import yaml

from cnn_study.base.errors import UserError
from cnn_study.base.files import read_text, writable
from cnn_study.base.places import REPORT, bibliographies, looks
from cnn_study.report.engines import Asked, Engine, choose
from cnn_study.report.fonts import TYPST, signs_without_font
from cnn_study.report.front_matter import _date, front_matter, refuse
from cnn_study.report.page_check import check_page, unread
from cnn_study.report.pandoc import RENDERING_SECONDS, TooLong, message, run_pandoc
from cnn_study.report.policy import scripts, with_policy
from cnn_study.report.quarto import render_with_quarto
from cnn_study.report.scripts import ADDRESS

FORMATS = {"html": "html5", "typst": "typst-citations"}
"""What `_quarto.yml` calls a format, and what Pandoc does."""

OPTIONS = {
    "html": {
        "html-math-method",
        "include-after-body",
        "include-before-body",
        "include-in-header",
        "number-sections",
        "section-divs",
        "toc",
        "toc-depth",
    },
    "typst": {"number-sections", "toc", "toc-depth"},
}
"""Settings that mean the same to Quarto and to Pandoc; every other one is metadata."""

PICTURE = re.compile(r'<img src="([^":]+)"')
"""As the filter writes it, by the path of its file; raw HTML may write it so too."""

DRAWN = re.compile(rb'<svg[^>]* width="([\d.]+)pt" height="([\d.]+)pt"')
"""How large a drawing is, in points."""

UNSHOWN = re.compile(r"<\?xml.*?\?>|<!DOCTYPE[^>]*>|<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)
"""What a drawing holds besides what is seen."""

PICTURE_KINDS = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
}


def render(
    source: Path,
    html: Path,
    pdf: Path,
    *,
    resources: Path | None = None,
    report: Path = REPORT,
    engine: Asked = "auto",
    commit: str | None = None,
) -> Engine:
    """Render a document to one HTML file and one tagged PDF, and say which engine did it.

    The same input gives the same bytes with Pandoc. Both files are replaced, or neither.

    Args:
        source: The document: Quarto markdown with an ISO `date` in its front matter.
        resources: The folder that paths in the document start from; default: its own.
        report: The folder with the filters, the theme, the bibliography and `_quarto.yml`.
        engine: "auto" takes Quarto where it is installed.
        commit: of what is published; the pages say so beside their date.

    Raises:
        UserError: for anything that an engine warns of, such as an unknown reference or
            citation, a missing picture or alternative text, a link to nowhere.
    """
    chosen = choose(engine)
    with tempfile.TemporaryDirectory(prefix="render-") as folder:
        stage = Path(folder)
        _lay_out(stage, source, resources or source.parent, report)
        if chosen == "quarto":  # two of its processes would share a folder of its own
            pages = (
                _page(stage, source.name, chosen, commit),
                _pdf(stage, source.name, chosen, commit),
            )
        else:
            with ThreadPoolExecutor(1) as beside:
                printed = beside.submit(_pdf, stage, source.name, chosen, commit)
                pages = _page(stage, source.name, chosen, commit), printed.result()
    _replace({html: pages[0], pdf: pages[1]})
    return chosen


def _lay_out(stage: Path, source: Path, resources: Path, report: Path) -> None:
    """Bring document, resources and theme together, so that both engines see the same paths.

    Resources are linked, for they may be large. Earlier outputs beside the document are left
    out: an engine would write through the link.
    """
    if not source.is_file():
        raise UserError(f"{source}: there is no such document")
    if not (report / "_quarto.yml").is_file():
        raise UserError(f"{report}: has no _quarto.yml; give the folder `report` of the project")
    own = (f"{source.stem}.", f"{source.stem}_", ".", "_quarto.yml", "filters", "theme")
    for path in resources.resolve().iterdir():
        if not path.name.startswith(own):
            (stage / path.name).symlink_to(path)
    for path in looks(report):
        target = stage / path.relative_to(report)
        target.parent.mkdir(exist_ok=True)
        if not target.exists():
            shutil.copyfile(path, target)
    _add_own_works(stage, report)
    settings = yaml.safe_load((stage / "_quarto.yml").read_text(encoding="utf-8"))
    settings["project"] = {"type": "default"}  # which here is laid out already
    text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
    (stage / "_quarto.yml").write_text(text, encoding="utf-8")
    shutil.copyfile(source, stage / source.name)


def _add_own_works(stage: Path, report: Path) -> None:
    """Let the document cite the works that the study's own folder adds to the bibliography."""
    own = [path for path in bibliographies() if path.parent not in (REPORT, report)]
    if own:
        with (stage / "references.bib").open("a", encoding="utf-8") as bibliography:
            bibliography.writelines("\n" + read_text(path) for path in own)


def _replace(contents: dict[Path, bytes]) -> None:
    written = {}
    try:
        for path, data in contents.items():
            with writable(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                written[path] = path.with_name(f".{path.name}.{os.getpid()}")
                written[path].write_bytes(data)
        for path, temporary in written.items():
            with writable(path):
                os.replace(temporary, path)
    finally:
        for temporary in written.values():
            temporary.unlink(missing_ok=True)


def _options(project: dict[str, Any], document: dict[str, Any], target: str) -> dict[str, Any]:
    """Return the Pandoc options that the project and then the document set for a format."""
    merged = {}
    for settings in (project, document):
        formats = settings.get("format", {})
        own = formats.get(target) if isinstance(formats, dict) else None
        merged |= settings | (own if isinstance(own, dict) else {})
    return {key: value for key, value in merged.items() if key in OPTIONS[target]}


def _defaults(
    name: str, options: dict[str, Any], target: str, day: datetime.date, commit: str | None
) -> dict[str, Any]:
    """Return a Pandoc defaults file: https://pandoc.org/MANUAL.html#defaults-files."""
    template = {"html": "theme/report.html", "typst": "theme/report.typ"}[target]
    metadata = {"date": f"{day.day} {day:%B %Y}", "date-meta": day.isoformat()}
    if commit:
        metadata["commit"] = commit[:10]
    return options | {
        "from": "markdown",
        "to": FORMATS[target],
        "input-file": name,
        "output-file": f"rendered.{target}",
        "standalone": True,
        "wrap": "none",
        "template": template,
        "filters": ["filters/quarto-marks.lua", "filters/table-heads.lua", "citeproc"],
        "metadata-file": "_quarto.yml",
        "metadata": metadata | {"link-citations": True},
    }


def _page(stage: Path, name: str, engine: Engine, commit: str | None = None) -> bytes:
    if engine == "quarto":
        text, faults = render_with_quarto(stage, name, "html", commit).decode(), []
    else:
        text, faults = _written(stage, name, "html", commit)
    if not text:
        refuse(name, faults or ["the page is empty, and nothing was said of it"])
    text = embed_scripts(embed_pictures(text, stage), stage)
    text, strange = with_policy(text, _own_scripts(stage, name))
    refuse(name, faults + strange + check_page(text))
    return text.encode()


def _own_scripts(stage: Path, name: str) -> list[str]:
    """List the scripts of the page's template and of the files that it takes in."""
    theme = stage / "theme"
    template = read_text(theme / "report.html")
    parts = [template.replace("${ report.js() }", read_text(theme / "report.js"))]
    document = front_matter(name, read_text(stage / name))
    options = _options(yaml.safe_load(read_text(stage / "_quarto.yml")), document, "html")
    for key in (key for key in options if key.startswith("include-")):
        files = options[key] if isinstance(options[key], list) else [options[key]]
        parts += [read_text(stage / file) for file in files]
    return [script for part in parts for script in scripts(part)]


def _pdf(stage: Path, name: str, engine: Engine, commit: str | None) -> bytes:
    if engine == "quarto":
        return render_with_quarto(stage, name, "typst", commit)
    text, faults = _written(stage, name, "typst", commit)
    refuse(name, faults + unread("typst", text))
    return _compile_pdf(stage, name, _date(name, front_matter(name, read_text(stage / name))))


# Pandoc and Typst


def _written(stage: Path, name: str, target: str, commit: str | None) -> tuple[str, list[str]]:
    """Give what Pandoc writes, and all that it warns of."""
    document = front_matter(name, read_text(stage / name))
    project = yaml.safe_load(read_text(stage / "_quarto.yml"))
    options = _options(project, document, target)
    defaults = _defaults(name, options, target, _date(name, document), commit)
    faults = _run_pandoc(stage, target, defaults)
    rendered = stage / f"rendered.{target}"
    return read_text(rendered) if rendered.exists() else "", faults


def embed_pictures(page: str, folder: Path) -> str:
    """Put pictures into the page itself, so that it is one file to send.

    Those that know no dark colours get the class `light-only`. Drawings say their size, and are
    read when they come near the window.

    Args:
        folder: that their paths start from.
    """

    def embedded(picture: re.Match[str]) -> str:
        path = folder / unescape(picture[1])
        if path.suffix not in PICTURE_KINDS or not path.is_file():
            return picture[0]
        contents = path.read_bytes()
        kind = "" if b"(prefers-color-scheme: dark)" in contents else ' class="light-only"'
        return f'<img{kind}{_size(path, contents)} src="{_address(path, contents)}"'

    return PICTURE.sub(embedded, page)


def embed_scripts(page: str, folder: Path) -> str:
    """Let links to scripts hold the scripts themselves, so that one file brings all along.

    Args:
        folder: that their paths start from.
    """

    def embedded(link: re.Match[str]) -> str:
        path = folder / unescape(link[1])
        if not path.is_file():
            return link[0]
        content = base64.b64encode(path.read_bytes()).decode("ascii")
        return f'href="data:text/x-python;base64,{content}"'

    return re.sub(rf'href="({ADDRESS}[^"/]+\.py)"', embedded, page)


def _size(path: Path, contents: bytes) -> str:
    """Give the attributes that keep a drawing's place until it is read."""
    size = DRAWN.search(contents[:2000]) if path.suffix == ".svg" else None
    if not size:
        return ""
    width, height = (round(float(points) * 4 / 3) for points in size.groups())
    return f' width="{width}" height="{height}" loading="lazy"'


def _without_names(drawing: str) -> str:
    """Leave out the names of groups that nothing in the drawing refers to."""
    named = set(re.findall(r"#([\w.:-]+)", drawing))
    return re.sub(
        r'<g id="([^"]*)"', lambda group: group[0] if group[1] in named else "<g", drawing
    )


def _address(path: Path, contents: bytes) -> str:
    """Write a picture as an address.

    A drawing is text: written as it is, with other quotation marks, it is a quarter shorter than
    in base64.
    """
    kind = PICTURE_KINDS[path.suffix]
    if path.suffix != ".svg" or b"'" in contents:
        return f"data:{kind};base64,{base64.b64encode(contents).decode()}"
    text = _without_names(UNSHOWN.sub("", contents.decode()))
    text = re.sub(r"\s*\n\s*", " ", text).strip()  # browsers drop line breaks
    for mark, written in (('"', "'"), ("%", "%25"), ("#", "%23"), ("&", "&amp;")):
        text = text.replace(mark, written)
    return f"data:{kind},{text}"


def _run_pandoc(stage: Path, target: str, defaults: dict[str, Any]) -> list[str]:
    """Run Pandoc; return everything that it warns of."""
    settings = stage / f"pandoc-{target}.yaml"
    settings.write_text(json.dumps(defaults), encoding="utf-8")
    try:
        done = run_pandoc([f"--defaults={settings.name}"], RENDERING_SECONDS, folder=stage)
    except TooLong as error:
        return [f"{error}. `cnn-study check` reads the study's own texts one by one"]
    faults = [message(entry) for entry in done.log]
    return faults if done.status == 0 else [*faults, done.said]


def _compile_pdf(stage: Path, name: str, day: datetime.date) -> bytes:
    """Compile to PDF/UA-1 with the fonts that Typst brings, so that every machine agrees."""
    import typst

    midnight = datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC)
    try:
        data, warnings = typst.compile_with_warnings(
            stage / "rendered.typst", root=stage, timestamp=int(midnight.timestamp()), **TYPST
        )
    except typst.TypstError as error:
        if signs := signs_without_font(error):
            raise UserError(
                f"{name}: the PDF's fonts do not have {', '.join(signs)}. Write it otherwise "
                "where it comes from: the study file, its printed numbers or the bibliography."
            ) from error
        raise UserError(f"{name}: Typst made no PDF: {error.diagnostic or error}") from error
    refuse(name, [warning.diagnostic for warning in warnings])
    return data
