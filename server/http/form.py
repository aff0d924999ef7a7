"""The form that asks for pictures: what is sent, the model, and α."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, File, Form, Request, UploadFile
from pydantic import Field, JsonValue
from pydantic.json_schema import SkipJsonSchema
from starlette.datastructures import UploadFile as UploadedFile

from dynamicnet import DynamicNetError, Inputs, Model
from dynamicnet.applications import DETAIL, FILES
from dynamicnet.applications import FIELDS as INPUTS
from dynamicnet.files.names import READABLE
from dynamicnet.method.alpha import choose
from dynamicnet.method.auto import Auto, automatic
from dynamicnet.pictures import MIN_SIDE
from server.engine.engine import AxisValues
from server.http.dependencies import EngineDep, SettingsDep

FIELDS = (*INPUTS, "model", "alpha", "position")

FORM_NEEDED = "Send a form, multipart/form-data; with curl: -F image=@photo.jpg"
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")

Absent = SkipJsonSchema[None]
"""Beside the type of a field that may be left out: a form has no null to send."""

Text = Annotated[str, Field(min_length=1, max_length=10_000)]
Side = Annotated[int, Field(ge=MIN_SIDE)]

BINARY: dict[str, JsonValue] = {"format": "binary"}
"""Beside the schema of a file: what OpenAPI 3.0 said of one, and generators of clients still go by."""


class StrictForm:
    """Refuses what would pass in silence: no form, or one whose fields are unknown, repeated, empty or no files."""

    def __init__(self, *own: str) -> None:
        """For a route that has some fields of its own."""
        self._fields: Sequence[str] = (*FIELDS, *own)

    async def __call__(self, request: Request) -> None:
        """Look at the form.

        Raises:
            DynamicNetError: ``form-needed``, ``field-unknown``, ``field-repeated``, ``field-empty`` or
                ``file-missing`` or ``field-is-text``.
        """
        sent = request.headers.get("content-type")
        if sent and sent.partition(";")[0].strip().lower() not in FORMS:
            raise DynamicNetError(
                "form-needed",
                f"{FORM_NEEDED}. This is {sent[:80]}.",
                415,
            )
        form = await request.form()
        for name in form:
            if not name.isprintable():  # a file is the body, and passes for a form
                raise DynamicNetError("form-needed", f"{FORM_NEEDED}.", 415)
            if name not in self._fields:
                raise DynamicNetError(
                    "field-unknown", f"There is no field '{name[:40]}'; there are {', '.join(self._fields)}."
                )
            if len(form.getlist(name)) > 1:
                raise DynamicNetError("field-repeated", f"The field {name} is there more than once; send it once.")
            if form[name] == "":
                raise DynamicNetError("field-empty", f"The field {name} is empty; give it a value or leave it out.")
            if name in FILES and not isinstance(form[name], UploadedFile):
                raise DynamicNetError(
                    "file-missing",
                    f"The field {name} must be a file, with a name; with curl: -F {name}=@{name}.png, the @ included.",
                )
            if name not in FILES and isinstance(form[name], UploadedFile):
                raise DynamicNetError(
                    "field-is-text",
                    f"The field {name} is text and no file; with curl: -F '{name}=<FILE' reads it from one.",
                )


@dataclass(frozen=True)
class Asked:
    """What to render, in what, and where: ``alpha`` names every axis, and ``auto`` the one that was left to us."""

    model: Model
    inputs: Inputs
    alpha: AxisValues
    auto: Auto | None


async def _asked(
    engine: EngineDep,
    settings: SettingsDep,
    image: Annotated[
        UploadFile | Absent,
        File(json_schema_extra=BINARY, description=f"The picture: {READABLE}; for models that take one."),
    ] = None,
    mask: Annotated[
        UploadFile | Absent,
        File(
            json_schema_extra=BINARY,
            description="A picture of the same size: white is the hole, grey its edge; or `image`, the hole erased.",
        ),
    ] = None,
    where: Annotated[
        UploadFile | Absent,
        File(
            json_schema_extra=BINARY,
            description="A picture: white where the result is wanted, black where the photograph is to stay.",
        ),
    ] = None,
    seed: Annotated[
        Text | Absent,
        Form(
            description="Whole numbers, separated by commas, one for each picture to be made: 7, or 1,2,3.",
        ),
    ] = None,
    latent: Annotated[
        Annotated[str, Field(min_length=1, max_length=200_000)] | Absent,
        Form(
            description="Instead of seeds: a JSON list of numbers, or a list of such lists.",
        ),
    ] = None,
    model: Annotated[Text | Absent, Form(description="A model's id; the first model if left out.")] = None,
    alpha: Annotated[
        Text | Absent,
        Form(
            description="A number, one per insertion point, or JSON by axis; the model's defaults if left out. auto, "
            "for one axis, finds the α at which this picture has changed as much as an average one in the middle or, "
            "where the model learned to tell, the one that it needs.",
            examples=["0.6", "0.2,0.5,0.9", '{"strength": 0.6}', "auto"],
        ),
    ] = None,
    position: Annotated[
        Text | Absent,
        Form(
            description="Instead of alpha: from 0 (low end) to 1 (high end) of a slider whose equal steps look equal; "
            "in the same forms.",
        ),
    ] = None,
    max_side: Annotated[
        Side | Absent,
        Form(
            description="Shrink the picture so that its longer side is at most this, as far as its shorter side "
            f"stays at {MIN_SIDE}.",
        ),
    ] = None,
    detail: Annotated[
        Side | Absent,
        Form(
            description="Longer side that a style works at, where the picture is larger: strokes are finer for a "
            f"larger one. {DETAIL} if left out, so that they are in proportion to the picture, whatever its size.",
        ),
    ] = None,
) -> Asked:
    chosen = engine.model(model)
    axes = chosen.manifest.axes
    named, auto = automatic(choose(alpha, position, axes), axes)
    values = await engine.check(chosen, named)
    inputs = Inputs(
        image=await image.read() if image else None,
        mask=await mask.read() if mask else None,
        where=await where.read() if where else None,
        seed=seed,
        latent=latent,
        max_side=max_side,
        detail=detail,
        max_pixels=settings.max_pixels,
    )
    return Asked(chosen, inputs, values, auto)


AskedDep = Annotated[Asked, Depends(_asked)]
