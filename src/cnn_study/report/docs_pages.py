"""The pages of docs/ that are made from the schemas, so that they cannot say anything else."""

import json
import re
from pathlib import Path
from typing import Any

from cnn_study.base import files
from cnn_study.base.errors import UserError
from cnn_study.data.block import DatasetBlock
from cnn_study.report.authored_text import BIBLIOGRAPHY, known_works
from cnn_study.runs import records
from cnn_study.study import settings
from cnn_study.study.file import StudyFile

HEADINGS = {
    "data": "Data", "model": "Model", "own": "A network of your own", "training": "Training",
}  # fmt: skip


def write(output: Path) -> None:
    """Write every page into a folder."""
    pages = {
        "parameters.md": parameters_page(),
        "images.md": images_page(),
        "study.schema.json": _json(study_schema()),
        "record.schema.json": written_out(_json(records.Record.model_json_schema())),
        "record.md": record_page(),
    }
    for name, text in pages.items():
        files.write_whole(output / name, lambda file, text=text: file.write(text.encode()))


def study_schema() -> dict[str, Any]:
    """Describe a study file, every parameter too, so that an editor can complete and check it."""
    schema = StudyFile.model_json_schema()
    parts = schema["$defs"]
    parts["Settings"] = json.loads(written_out(_json(settings.Settings.model_json_schema())))
    parts["Values"] = {
        "type": "object",
        "properties": {
            name: {"type": "array", "items": parameter}
            for name, parameter in parts["Settings"]["properties"].items()
        },
        "additionalProperties": False,
    }
    _name_parameters(schema)
    return schema


def _name_parameters(schema: Any) -> None:
    """Write of each mapping with any names, or with a list for each, that these are parameters."""
    parts = schema.values() if isinstance(schema, dict) else schema
    for part in parts if isinstance(schema, dict | list) else ():
        _name_parameters(part)
    if not isinstance(schema, dict):
        return
    if schema.get("additionalProperties") is True:
        del schema["additionalProperties"]
        schema["$ref"] = "#/$defs/Settings"
    elif schema.get("additionalProperties") == {"type": "array", "items": {}}:
        del schema["additionalProperties"]
        schema["$ref"] = "#/$defs/Values"


def parameters_page() -> str:
    """Describe every parameter: type and range, unit, default, meaning."""
    lines = [
        "# Parameters",
        "",
        "Every parameter of an experiment, as a study file gives it under `base` or as a change. "
        "Made from the schema by `python -m cnn_study docs`; a test keeps the two equal.",
    ]
    for group, heading in HEADINGS.items():
        lines += ["", f"## {heading}", "", "| parameter | allowed | unit | default | meaning |",
                  "| --- | --- | --- | --- | --- |"]  # fmt: skip
        lines += [
            f"| `{row['name']}` | {_allowed(row['schema'])} | {row['unit']} | "
            f"`{json.dumps(row['default'])}` | {row['description']} |"
            for row in settings.parameters()
            if row["group"] == group
        ]
    return written_out("\n".join(lines) + "\n")


def images_page() -> str:
    """Describe every key of the block that tells of images of a study's own."""
    schema = DatasetBlock.model_json_schema()
    lines = [
        "# Images of your own",
        "",
        "What a study file says under `dataset` where the images are none of those that come "
        "along. Made from the schema by `python -m cnn_study docs`; a test keeps the two equal.",
        "",
        "| key | allowed | default | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for name, facts in schema["properties"].items():
        allowed = _type(facts).removesuffix(" or null")
        lines.append(
            f"| `{name}` | {allowed} | {_default(schema, name)} | {facts['description']} |"
        )
    return "\n".join(lines) + "\n"


def _default(schema: dict[str, Any], name: str) -> str:
    """Write what a key is where it is left out."""
    if name in schema["required"]:
        return "to be given"
    default = schema["properties"][name]["default"]
    return "–" if default is None else f"`{str(default).lower()}`"


def record_page() -> str:
    """Describe every field of a run record."""
    schema = records.Record.model_json_schema()
    lines = [
        "# The run record",
        "",
        "One JSON file a run: `results/STUDY/runs/EXPERIMENT/FINGERPRINT/seed-SEED.json`. Made "
        "from the schema by `python -m cnn_study docs`; a test holds every record to it.",
    ]
    parts = {"Record": schema} | {
        name: part for name, part in schema["$defs"].items() if name != "Settings"
    }
    for name, part in parts.items():
        about = part.get("description", "")
        lines += ["", f"## {name}", "", about, "", "| field | type | meaning |",
                  "| --- | --- | --- |"]  # fmt: skip
        lines += [
            f"| `{field}` | {_type(facts)} | {facts.get('description', _see(facts))} |"
            for field, facts in part["properties"].items()
        ]
    return "\n".join(lines) + "\n"


def written_out(text: str, bibliography: Path = BIBLIOGRAPHY) -> str:
    """Replace each citation `[@key]` by what the report prints, such as (Holm 1979).

    Raises:
        UserError: a key that is not in the bibliography.
    """
    marks = sorted(set(re.findall(r"\[@\w+\]", text)))
    known = known_works(bibliography)
    missing = [mark for mark in marks if mark[2:-1] not in known]
    if missing:
        raise UserError(f"{bibliography} has no {', '.join(missing)}: add it, or cite another")
    for mark, printed in zip(marks, _printed(marks, bibliography), strict=True):
        text = text.replace(mark, printed)
    return text


def _printed(marks: list[str], bibliography: Path) -> list[str]:
    if not marks:
        return []
    import pypandoc

    options = [
        "--citeproc",
        f"--bibliography={bibliography}",
        "--metadata=suppress-bibliography:true",
        "--wrap=none",
    ]
    page = pypandoc.convert_text("\n\n".join(marks), "plain", "markdown", extra_args=options)
    return page.strip().split("\n\n")


def _json(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _allowed(schema: dict[str, Any]) -> str:
    """Write a JSON Schema of a type and its range in words."""
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return ", or ".join(_allowed(choice) for choice in choices)
    if "enum" in schema:
        return ", ".join(f"`{choice}`" for choice in schema["enum"])
    if schema["type"] == "array":
        least, most = schema.get("minItems"), schema.get("maxItems")
        count = f"{least} to {most} " if least is not None else ""
        return f"list of {count}({_allowed(schema['items'])})"
    if schema["type"] == "object":
        return "mapping"
    if schema["type"] == "string":
        return "text"
    if schema["type"] == "boolean":
        return "`true`, `false`"
    return f"{schema['type']}, {_range(schema)}"


def _range(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    parts = [
        f"{low} or more" if low is not None else f"more than {schema['exclusiveMinimum']}",
        f"at most {high}" if high is not None else (
            f"less than {schema['exclusiveMaximum']}" if "exclusiveMaximum" in schema else ""
        ),
    ]  # fmt: skip
    return ", ".join(part for part in parts if part)


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return "[Settings](parameters.md)" if name == "Settings" else f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(choice) for choice in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}"
    return schema["type"]


def _see(schema: dict[str, Any]) -> str:
    return "See there."
