"""The content security policy of a page: a second line behind escaping.

A browser that reads it runs the report's own scripts, known by their hashes, and no other; no
handler in an attribute, no address that is a program; and it fetches nothing.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from html import escape

SCRIPT = re.compile(
    r"<script(?![^>]*\btype=\"application/json\")[^>]*>(.*?)</script\s*>", re.DOTALL | re.IGNORECASE
)
"""A script that runs, and what stands in it; data do not run."""

HEAD = '<meta charset="utf-8">\n'
"""Behind this stands the policy: it holds for what comes after it."""

REST = (
    "default-src 'none'",
    "img-src data: blob:",  # a drawing that is to be saved as pixels is a blob on its way
    "style-src 'unsafe-inline'",  # many tables give widths of their own; styles can fetch nothing
    "base-uri 'none'",
    "form-action 'none'",
)


def scripts(text: str) -> list[str]:
    """List the scripts in a page or in a part of one, without the spaces around them."""
    return [script.strip() for script in SCRIPT.findall(text)]


def with_policy(page: str, own: Iterable[str]) -> tuple[str, list[str]]:
    """Give a page its policy.

    Args:
        own: the scripts of the report itself.

    Returns:
        The page; and what it holds that would not run by its policy, and should not be there.
    """
    known = set(own)
    strange = [script for script in scripts(page) if script not in known]
    hashes = [_hash(script) for script in SCRIPT.findall(page) if script.strip() in known]
    policy = "; ".join([*REST, " ".join(["script-src", *dict.fromkeys(hashes)])])
    mark = f'<meta http-equiv="Content-Security-Policy" content="{escape(policy, quote=False)}">\n'
    faults = [f"this script is not the report's own: {' '.join(text.split())[:60]}"
              for text in strange]  # fmt: skip
    if HEAD not in page:
        faults.append("the page has no head for its content security policy to stand in")
    return page.replace(HEAD, HEAD + mark, 1), faults


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
