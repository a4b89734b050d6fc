"""A folder for a study of one's own, in which `snakemake --cores all` runs.

The files in this folder are what it begins with; `$name` in them becomes the study's.
"""

import re
import shutil
from pathlib import Path
from string import Template

from cnn_study.base import files
from cnn_study.base.errors import UserError
from cnn_study.base.places import PROJECT
from cnn_study.starter.from_images import Start, look
from cnn_study.study.parts import ID

OF_DIGITS, OF_IMAGES = "study.yaml", "images.yaml"

FILES = {
    "Snakefile": "Snakefile",
    OF_DIGITS: "experiments/$name.yaml",
    "gitignore": ".gitignore",
    "gitattributes": ".gitattributes",
    "README.md": "README.md",
}
"""What stands here, and its place in the folder."""


def new(folder: Path, images: Path | None = None) -> tuple[Path, list[str]]:
    """Make the folder of a study; the study has the folder's name.

    Args:
        images: which the study is to be about; None for one of the digits.

    Returns:
        The study file, and what there is to know of the images.

    Raises:
        UserError: the name cannot be that of a study, or something stands there already.
    """
    name = folder.resolve().name
    if not re.fullmatch(ID, name):
        raise UserError(
            f"{name}: a study's name is the name of its file and of its results. Allowed are small "
            "letters, digits and single hyphens, beginning with a letter, as in my-study."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is there already, and not empty. Name a new folder.")
    here, files_here, start = Path(__file__).parent, FILES, Start({"name": name})
    if images:
        start = look(images, folder / "experiments", name)
        files_here = {OF_IMAGES if key == OF_DIGITS else key: FILES[key] for key in FILES}
    for source, place in files_here.items():
        text = Template((here / source).read_text(encoding="utf-8")).substitute(start.values)
        path = folder / Template(place).substitute(name=name)
        files.write_whole(path, lambda file, text=text: file.write(text.encode()))
    shutil.copytree(PROJECT / "profiles", folder / "profiles")
    return folder / "experiments" / f"{name}.yaml", start.lines
