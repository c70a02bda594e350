"""The JSON schema of galeed.toml, for editors; made from the table of keys.

`python -m llvm_pass.policy.schema` prints it; galeed.schema.json beside this file is
that, and a test holds them together.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llvm_pass.policy.keys import KEYS, Key

PUBLISHED = Path(__file__).with_name("galeed.schema.json")


def schema() -> dict[str, Any]:
    """JSON Schema, draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "galeed.toml",
        "description": "A project's policy for the boundary between its Rust and its C and C++.",
        **_object(KEYS),
    }


def text() -> str:
    """As it is published."""
    return json.dumps(schema(), indent=2) + "\n"


def _object(keys: tuple[Key, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {key.name: {"description": key.summary, **_value(key)} for key in keys},
        "additionalProperties": False,
    }


def _value(key: Key) -> dict[str, Any]:
    if key.choices:
        return {"enum": list(key.choices)}
    if key.kind == "word":
        return {"type": "string", "pattern": key.pattern}
    if key.kind == "names":
        return {"type": "array", "items": {"type": "string", "pattern": key.pattern}}
    row = {**_object(key.members), "oneOf": [{"required": ["arguments"]}, {"required": ["refused"]}]}
    return {"type": "object", "propertyNames": {"pattern": key.pattern}, "additionalProperties": row}


if __name__ == "__main__":
    print(text(), end="")
