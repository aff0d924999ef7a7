#!/usr/bin/env bash
# Pydantic writes a number's limit into a JSON schema under Python's name for it.
#
# A field that may be left out but never null is, for the schema, `int | SkipJsonSchema[None]`. With a limit beside it the
# schema says "ge", which JSON Schema does not know, in place of "minimum": validators and generators of clients pass over it
# and send what is then refused. The same limit of `int | None`, and a length of `str | SkipJsonSchema[None]`, are right.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pydantic==2.14.3

"$folder/venv/bin/python" - <<'PYTHON'
import sys
from typing import Annotated

import pydantic
from pydantic import Field, TypeAdapter, ValidationError
from pydantic.json_schema import SkipJsonSchema

absent = TypeAdapter(Annotated[int | SkipJsonSchema[None], Field(ge=32)])
nullable = TypeAdapter(Annotated[int | None, Field(ge=32)])
text = TypeAdapter(Annotated[str | SkipJsonSchema[None], Field(min_length=2)])
seen = [one.json_schema() for one in (absent, nullable, text)]
try:
    absent.validate_python(31)
    refused = False
except ValidationError:
    refused = True
print(f"pydantic {pydantic.VERSION}: 31 is refused: {refused}; the schemas:", *seen, sep="\n  ")
expected = [
    {"ge": 32, "type": "integer"},
    {"anyOf": [{"minimum": 32, "type": "integer"}, {"type": "null"}]},
    {"minLength": 2, "type": "string"},
]
sys.exit(0 if refused and seen == expected else "this has changed")
PYTHON
