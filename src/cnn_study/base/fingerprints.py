"""Short names of what is meant, so that equal meanings are found and not made twice."""

import hashlib
import json
from typing import Any


def hash_meaning(meaning: dict[str, Any]) -> str:
    """Name a meaning, whatever the order of its keys.

    Args:
        meaning: everything that decides a result, as JSON can hold it.

    Returns:
        16 hexadecimal digits (64 bits of a sha256).
    """
    text = json.dumps(meaning, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
