"""What the page holds besides its text: data, and the scripts with which a reader works on them.

Both engines put it behind the text. Knows nothing of studies.
"""

import json
from collections.abc import Mapping
from typing import Any

from cnn_study.base.places import REPORT

THEME = REPORT / "theme"

SCRIPTS = (
    "page-parts.js",
    "tables.js",
    "figures.js",
    "predict.js",
    "receipts.js",
    "experiments.js",
    "explorer.js",
    "network.js",
    "live-parts.js",
    "live-picture.js",
    "live-working.js",
    "live-weights.js",
    "live.js",
)
"""What they share; tables that sort, figures that are saved, guesses, receipts, experiments on a
card or all in one table; the network at work. They stand in the page whole, in this order, and each
does nothing where it finds nothing to work on."""


def fragment(data: Mapping[str, Any]) -> str:
    """Give everything that the page needs after its text.

    Args:
        data: what becomes JSON, by the id under which scripts and marks find it.
    """
    elements = [element(content, id_) for id_, content in data.items()]
    texts = [(THEME / name).read_text(encoding="utf-8") for name in SCRIPTS]
    return "".join([*elements, *(f"<script>\n{text}</script>\n" for text in texts)])


def element(content: Any, id_: str) -> str:
    """Put data into a script element that no browser runs or ends too early."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # In JSON, < stands in texts only, where its escape means the same. Without it, neither
    # </script nor <!-- can be in the page.
    text = text.replace("<", "\\u003c")
    return f'<script type="application/json" id="{id_}">{text}</script>\n'
