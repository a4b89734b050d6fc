"""Which program turns a text into pages: Quarto, or Pandoc and Typst. Renders nothing itself."""

import shutil
from typing import Literal, get_args

from cnn_study.base.errors import UserError

Engine = Literal["quarto", "pandoc"]
Asked = Literal["auto", "quarto", "pandoc"]


def choose(asked: str, option: str = "--engine ") -> Engine:
    """Take Quarto where it is installed, if "auto" is asked for, or what is asked for.

    Args:
        option: how it was asked for, for the message.

    Raises:
        UserError: there is no such engine, or Quarto is not installed.
    """
    if asked not in get_args(Asked):
        raise UserError(f"{option}{asked}: allowed are {', '.join(get_args(Asked))}.")
    installed = shutil.which("quarto")
    if asked == "quarto" and not installed:
        raise UserError(
            f"{option}quarto: no program `quarto` is on the PATH. Install Quarto (environment.yml "
            f"brings it), or take {option}pandoc, which makes the same document."
        )
    return "quarto" if installed and asked != "pandoc" else "pandoc"
