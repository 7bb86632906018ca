"""The verdict JSON as its schema declares it."""

import copy
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "docs/verdict.schema.json").read_text(encoding="utf-8"))


def _strict() -> dict[str, Any]:
    """The schema without room for a field that it does not name: a reader may meet one, but ours are all declared."""
    strict: dict[str, Any] = copy.deepcopy(SCHEMA)
    for declared in (strict, *strict["$defs"].values()):
        if "properties" in declared:
            declared["additionalProperties"] = False
    return strict


_VALIDATOR = Draft202012Validator(_strict())


def check_document(document: Any) -> None:
    """Fail where a verdict JSON is not what the schema declares."""
    errors = [f"{error.json_path}: {error.message}" for error in _VALIDATOR.iter_errors(document)]
    assert errors == []


def check_files(folder: Path) -> None:
    """Check each verdict JSON in a folder and those below it."""
    for path in folder.rglob("*.json"):
        text = path.read_text(encoding="utf-8", errors="replace")
        if text.startswith('{\n  "format": '):
            check_document(json.loads(text))
