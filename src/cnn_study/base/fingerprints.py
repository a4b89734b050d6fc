"""Short names of what is meant, so that equal meanings are found and not made twice."""

import hashlib
import json
from typing import Any


def hash_facts(facts: dict[str, Any]) -> str:
    """Hash facts, whatever the order of their keys: the sha256, hexadecimal, of their JSON."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def hash_meaning(meaning: dict[str, Any]) -> str:
    """Name a meaning, whatever the order of its keys.

    Args:
        meaning: everything that decides a result, as JSON can hold it.

    Returns:
        16 hexadecimal digits (64 bits of a sha256).
    """
    return hash_facts(meaning)[:16]
