"""What the API answers, as its OpenAPI document describes it."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from dynamicnet import AxisSpec
from dynamicnet.applications import APPLICATIONS
from dynamicnet.method.alpha import AxisAlpha
from dynamicnet.package import Manifest
from server.http.errors import PROBLEM
from server.http.filenames import disposition

# Lists of a length, not tuples: linters of OpenAPI documents and generators of clients both understand them.
Pair = Annotated[list[float], Field(min_length=2, max_length=2)]
Triple = Annotated[list[float], Field(min_length=3, max_length=3)]


class AxisInfo(BaseModel):
    """One slider of a model."""

    id: str = Field(examples=["strength"])
    title: str = Field(examples=["Strength"])
    ends: list[str] = Field(
        min_length=2, max_length=2, description="What lies at either end of the range.", examples=[["faint", "strong"]]
    )
    range: Pair = Field(
        description="The smallest and the largest α. At 0 the main network works alone: on an axis that goes below 0, "
        "that is a result in the middle, and not the photograph.",
        examples=[[0.0, 1.0]],
    )
    default: float = Field(examples=[0.5])
    even: list[float] = Field(
        description="α at equally spaced positions from 0 to 1 of a slider whose equal steps look equal, linear "
        "between them; empty where none were measured, and positions are then linear over the range.",
        examples=[[0.0, 0.2, 0.45, 1.0]],
    )
    curve: list[Triple] = Field(
        description="α, and the objectives of the low and of the high end there: means over pictures not trained on. "
        "Empty where they were not measured.",
        examples=[[[0.0, 0.2, 0.9], [1.0, 0.8, 0.3]]],
    )
    fixed: list[Pair] = Field(
        description="Both objectives of networks trained for one mixture each, where they were trained.",
        examples=[[[0.4, 0.5]]],
    )
    auto: bool = Field(description="Whether alpha may be ``auto`` here.", examples=[True])
    blocks: list[str] = Field(
        description="Insertion points, in order; α may be one number for each.", examples=[["res2", "res5", "join"]]
    )


def sliders(manifest: Manifest) -> list[AxisInfo]:
    """What is to be told of the axes of a model."""
    return [_slider(axis, manifest.measured.get("axes", {}).get(axis.id, {})) for axis in manifest.axes]


def _slider(axis: AxisSpec, measured: Mapping[str, Any]) -> AxisInfo:
    fixed = measured.get("against", {}).get("fixed", {})
    return AxisInfo(
        **axis.model_dump(),
        curve=_columns(measured, "alpha", "low", "high"),
        fixed=_columns(fixed, "low", "high"),
        auto=axis.auto,
    )


def _columns(figures: Mapping[str, Any], *names: str) -> list[Any]:
    """Rows of some columns; none where one is missing."""
    return list(zip(*(figures.get(name, ()) for name in names), strict=False))


class ModelInfo(BaseModel):
    """A model and its axes."""

    id: str = Field(examples=["starry-night"])
    title: str = Field(examples=["Starry night"])
    description: str = Field(examples=["From a faint to a full rendering in the manner of the painting."])
    application: str = Field(examples=list(APPLICATIONS)[:1])
    takes: list[str] = Field(description="The fields of a request that it uses.", examples=[["image", "max_side"]])
    max_pixels: int = Field(
        description="How many pixels a picture may have; a larger one has to be made smaller, with max_side.",
        examples=[120_000_000],
    )
    axes: list[AxisInfo]
    thumbnail: str = Field(
        description="Where its thumbnail is, seen from /models.",
        examples=["models/starry/thumbnail?v=5f8c1b2a"],
    )


class ModelList(BaseModel):
    """The models, by id."""

    models: list[ModelInfo]
    left_out: list[str] = Field(
        description="Packages that could not be loaded, by folder; the server's log says why.", examples=[[]]
    )


class Health(BaseModel):
    """The state of the server."""

    status: str = Field(description="``ok``, or ``no-models`` when there is nothing to serve.", examples=["ok"])
    device: str = Field(examples=["cpu"])
    models: int = Field(description="How many models are loaded.", examples=[6])
    version: str = Field(examples=["0.1.0"])


class Problem(BaseModel):
    """An error, after RFC 9457."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(description="Always about:blank; ``code`` tells errors apart.")
    title: str = Field(description="The status in words.")
    status: int
    detail: str = Field(description="One sentence: what is wrong and what to do.")
    code: str = Field(description="A stable word for programs.")


PROBLEMS = {
    400: ("request-malformed", "Missing boundary in multipart."),
    401: ("key-needed", "Send a key that this server knows as Authorization: Bearer."),
    404: ("model-unknown", "There is no model 'monet'; there are starry, wave."),
    406: ("not-acceptable", "Accept admits none of image/png, image/jpeg, image/webp; admit one, or send format."),
    408: ("upload-stalled", "Nothing of the upload came for 60 seconds; send it again."),
    413: ("upload-too-large", "The upload is over 64 MB; send a smaller picture."),
    415: (
        "picture-unreadable",
        "This picture is a PDF document, not one we can read; save it as PNG or JPEG and send that.",
    ),
    422: ("alpha-out-of-range", "alpha 1.5 is out of range for axis 'strength' (range 0 to 1, 3 insertion points)."),
    500: ("internal-error", "Something went wrong here; the server's log says what."),
    503: ("overloaded", "Too many requests wait already; try again in a moment."),
    507: ("out-of-memory", "This takes more memory than there is; ask for a smaller picture, or for fewer."),
}
"""An example of each error, by status."""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error replies of a route, for FastAPI's ``responses``: those of its own, and what any route may answer."""
    return {**{status: _problem(status) for status in statuses}, "4XX": _problem(400), "5XX": _problem(500)}


def _problem(status: int) -> dict[str, Any]:
    code, detail = PROBLEMS[status]
    title = HTTPStatus(status).phrase
    example = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}
    return {
        "description": title,
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}},
    }


KEY = {"key": {"type": "http", "scheme": "bearer", "description": "Where the server asks for one."}}


class Documented(FastAPI):
    """An application whose OpenAPI document also says what problems are, that forms are strict, and where keys go."""

    def openapi(self) -> dict[str, Any]:
        """The document, as FastAPI makes it and with what it cannot be told."""
        document = super().openapi()
        schemas = document["components"]["schemas"]
        for form in (schema for name, schema in schemas.items() if name.startswith("Body_")):
            form["additionalProperties"] = False
        # A ``model`` among FastAPI's responses would be of application/json.
        schemas["Problem"] = Problem.model_json_schema()
        document["components"]["securitySchemes"] = KEY
        document["security"] = [{}, {"key": []}]
        return document


def picture_reply(description: str, *media_types: str) -> dict[str, Any]:
    """A reply that is a picture, for FastAPI's ``responses``."""
    content = {media: {"schema": {"type": "string", "format": "binary"}} for media in media_types}
    return {"description": description, "content": content}


ALPHA = "X-Dynamic-Net-Alpha"
"""The header with α of every axis, of one picture."""

TOLD: dict[str, Any] = {
    "Server-Timing": {
        "description": "What decoding, preparing, rendering and encoding took, in milliseconds.",
        "schema": {"type": "string"},
        "example": "decode;dur=8.1, prepare;dur=52.0, render;dur=131.9, encode;dur=11.4",
    },
    "Content-Disposition": {
        "description": "A file name for the picture.",
        "schema": {"type": "string"},
        "example": "inline; filename=\"starry-0.6.png\"; filename*=UTF-8''starry-0.6.png",
    },
    "X-Dynamic-Net-Model": {
        "description": "The model's id, percent-encoded.",
        "schema": {"type": "string"},
        "example": "starry-night",
    },
    "X-Dynamic-Net-Notes": {
        "description": "Sentences about anything unexpected in what was sent, as a JSON list in ASCII; absent if there "
        "are none.",
        "schema": {"type": "string"},
        "example": '["The file holds 12 frames; the first was used."]',
    },
}
"""The headers of a rendered picture, for FastAPI's ``responses``."""


def told(
    model_id: str, alpha: Mapping[str, AxisAlpha], suffix: str, timings: Mapping[str, float], notes: Sequence[str]
) -> dict[str, str]:
    """What they hold."""
    said = {"X-Dynamic-Net-Notes": json.dumps(notes)} if notes else {}
    return said | {
        "Server-Timing": ", ".join(f"{step};dur={ms:.1f}" for step, ms in timings.items()),
        "Content-Disposition": disposition(model_id, alpha, suffix),
        "X-Dynamic-Net-Model": quote(model_id),
    }
