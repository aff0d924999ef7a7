"""What /openapi.json says beyond what FastAPI reads off the routes, so that clients can be generated from it."""

from typing import Any

from fastapi import FastAPI

from server.http.schemas import Problem


def install(app: FastAPI) -> None:
    """Describe problems once, by reference, and fields of forms as they are taken: there, or left out, never null."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = described()
            schemas = made["components"]["schemas"]
            schemas[Problem.__name__] = Problem.model_json_schema()
            for name, schema in schemas.items():
                if name.startswith("Body_"):
                    schema["properties"] = {key: _there(field) for key, field in schema["properties"].items()}
        return app.openapi_schema or made

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it


def _there(field: dict[str, Any]) -> dict[str, Any]:
    kinds = [kind for kind in field.get("anyOf", ()) if kind != {"type": "null"}]
    there = {key: value for key, value in field.items() if key != "anyOf"} | kinds[0] if len(kinds) == 1 else field
    return there | {"format": "binary"} if "contentMediaType" in there else there  # files, as generators know them
