"""Changes at random to what is right: to bytes, texts and trees of values.

Whoever asks brings the chance. Knows nothing of what the changed things mean.
"""

import copy
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

Path = tuple[Any, ...]
"""The keys that lead into a tree of values."""

NUMBERS = (
    *(-1, 0, 1, 2, 3, 7, 0.5, -0.0, 1.5, 100, 1e-300, 1e-9, 1e9, 1e16, 1e308, -1e308),
    *(2**31 - 1, 2**31, 2**53 + 1, 2**63, 2**64, 10**30, 10**400),
    *(float("inf"), float("-inf"), float("nan")),
)

WORDS = (
    *("", " ", "base", "all", "none", "true", "0", "-1", "1.0", "1e5", "nan", "null", "adam"),
    *("../x", "/", "a/b", ".", "..", "{x}", "{{ x }}", "<< x >>", "${HOME}", "%s", "=1+1", "@x"),
    *("ü", "٣", "１", "日本", "🙂", "\u202e", "\u200b", "a\u0301", "\x00", "\x1b[31m", "\n", "\t"),
    *("a" * 61, "a" * 5000, "-", "--", "a--b", "A", "a_b", "<script>", "$x$", "`", "'", '"', "\\"),
)

FRAGMENTS = (
    *("~", "null", "true", "yes", "[]", "{}", "- ", ": ", "? ", "# ", "| ", "> ", "%YAML 9.9\n"),
    *("---\n", "...\n", "<<: *a", "&a ", "*a", "&a [*a]", "!!python/object:os.system x", "!x "),
    *("!!binary x", "!!set {a}", "!!timestamp 2026-13-45", "!!int x", "!!float x", "!!omap [a]"),
    *(
        "2026-13-45",
        "2026-01-01",
        "12:99:99",
        "0x",
        "0x1F",
        "0o17",
        "1_000",
        ".inf",
        ".nan",
        "9e999",
    ),
    *("9" * 5000, "[" * 500, "{a: " * 300, "- " * 300, "[[1, [2]], {3: 4}]", "\t", "\r", "\x85"),
    *("\u2028", "\ufeff", "\x00", "\x07", "🙂", "ü", ",", ";", '"', "'", "\\", "}", "]", "{", "["),
    *("<<<<<<< HEAD\n", "=======\n", ">>>>>>> x\n", "NaN", "Infinity", "1e999", "-0", "\ud800"),
)
"""Pieces of texts that mean something to readers of YAML, JSON or CSV, or to none."""


def several(random: Random, change: Callable[[Random, Any], Any], given: Any, most: int = 3) -> Any:
    """Change something once, or a few times over."""
    for _ in range(random.choice([1, 1, *range(1, most + 1)])):
        given = change(random, given)
    return given


# --------------------------------------------------------------------------------------- bytes


def changed_bytes(random: Random, content: bytes) -> bytes:
    """Change bytes in one place: flipped, lost, doubled, foreign, or all that follow cut off."""
    start = random.randrange(len(content) + 1)
    end = min(len(content), start + random.choice([1, 1, 2, 4, 16, 200]))
    piece = content[start:end]
    change = random.randrange(7)
    if change <= 1 and piece:
        flipped = bytes([piece[0] ^ (1 << random.randrange(8))])
        return content[:start] + flipped + content[start + 1 :]
    if change == 2:
        return content[:start]
    if change == 3:
        return content[:start] + content[end:]
    if change == 4:
        return content[:end] + piece * random.choice([1, 3, 50]) + content[end:]
    if change == 5:
        return content[:start] + bytes([random.randrange(256)]) * len(piece) + content[end:]
    foreign = bytes(random.randrange(256) for _ in range(random.randrange(1, 12)))
    return content[:start] + foreign + content[start:]


# --------------------------------------------------------------------------------------- texts


def changed_text(random: Random, text: str) -> str:
    """Change a line or a few signs of a text."""
    return random.choice([_changed_lines, _changed_signs, _changed_word])(random, text)


def _changed_lines(random: Random, text: str) -> str:
    lines = text.split("\n")
    place, other = random.randrange(len(lines)), random.randrange(len(lines))
    line = lines[place]
    match random.randrange(6):
        case 0:
            del lines[place]
        case 1:
            lines.insert(other, line)
        case 2:
            lines[place], lines[other] = lines[other], line
        case 3:
            lines[place] = " " * random.randrange(1, 5) + line
        case 4:
            lines[place] = line.lstrip()
        case _:
            lines[place] = line[: random.randrange(len(line) + 1)] + random.choice(FRAGMENTS)
    return "\n".join(lines)


def _changed_signs(random: Random, text: str) -> str:
    start = random.randrange(len(text) + 1)
    end = min(len(text), start + random.choice([0, 0, 1, 5, 60]))
    return text[:start] + random.choice([*FRAGMENTS, ""]) + text[end:]


def _changed_word(random: Random, text: str) -> str:
    """Put something else in the place of what stands between two spaces."""
    words = text.split(" ")
    place = random.randrange(len(words))
    strange = random.choice([*map(str_of, NUMBERS), *WORDS, *FRAGMENTS])
    ending = words[place][len(words[place].rstrip("\n,]}")) :]
    words[place] = strange + ending
    return " ".join(words)


def str_of(number: float) -> str:
    """Write a number as Python does; one of many digits, too."""
    return str(number)


# --------------------------------------------------------------------------------------- trees


def changed_tree(random: Random, tree: Any) -> Any:
    """Change one place of a tree of lists, dictionaries and plain values; it itself stays."""
    tree = copy.deepcopy(tree)
    places = list(_places(tree))
    place = random.choice(places)
    if not place:
        return strange_value(random)
    above = _at(tree, place[:-1])
    key, value = place[-1], above[place[-1]]
    match random.randrange(8):
        case 0:
            del above[key]
        case 1 if isinstance(above, dict):
            del above[key]
            above[_strange_key(random, key)] = value
        case 2 if isinstance(above, dict):
            above[_strange_key(random, key)] = copy.deepcopy(value)
        case 2:
            above.insert(key, copy.deepcopy(value))
        case 3:
            above[key] = copy.deepcopy(_at(tree, random.choice(places)))
        case 4:
            above[key] = random.choice([[value], {"a": value}, {str(key): value}, [value, value]])
        case 5:
            above[key] = _other_type(random, value)
        case _:
            above[key] = strange_value(random)
    return tree


def strange_value(random: Random) -> Any:
    """Draw a value that stands in few good files."""
    drawn = random.choice([*NUMBERS, *WORDS, None, True, False, [], {}, [[]], "deep", "wide"])
    if drawn == "deep":
        return nested(random.choice([5, 60]))
    return list(range(300)) if drawn == "wide" else copy.deepcopy(drawn)


def nested(depth: int) -> list:
    """Make lists within lists."""
    inner: list = []
    for _ in range(depth):
        inner = [inner]
    return inner


def _strange_key(random: Random, key: Any) -> Any:
    return random.choice([f"{key}s", str(key).upper(), str(key)[:-1], *WORDS, 1, None, True, 1.5])


def _other_type(random: Random, value: Any) -> Any:
    """Give the same in another type, or nearly the same."""
    if isinstance(value, bool) or value is None:
        return random.choice([str(value).lower(), int(bool(value)), not value])
    if isinstance(value, int | float):
        near = [value + 1, value - 1, -value, value / 2, value * 10, str(value), float(value)]
        return random.choice([*near, value + 1e-9, [value], bool(value)])
    if isinstance(value, str):
        return random.choice([value.upper(), value[:-1], value * 2, [value], value.encode().hex()])
    return random.choice([list(value), dict.fromkeys(map(str, value)), str(value)])


def _places(tree: Any, above: Path = ()) -> Iterator[Path]:
    yield above
    if isinstance(tree, dict | list):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from _places(value, (*above, key))


def _at(tree: Any, place: Path) -> Any:
    for key in place:
        tree = tree[key]
    return tree
