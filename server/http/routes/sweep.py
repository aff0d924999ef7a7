"""POST /sweep: the same as /infer along an axis, as an animation or a contact sheet."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from pydantic import Field

from dynamicnet.sweep import FEWEST, FORMATS, MOST, plan
from server.engine.engine import Timings
from server.http.dependencies import AdmissionDep, EngineDep, Guarded
from server.http.form import Absent, AskedDep, StrictForm
from server.http.schemas import TOLD, picture_reply, problems, told

router = APIRouter(tags=["sweep"], route_class=Guarded)

SWEPT = picture_reply(
    "WebP and GIF: an animation from the low end of the axis to the high end and back, without end. "
    "PNG and JPEG: a contact sheet with α under each picture.",
    *FORMATS.values(),
) | {"headers": TOLD}


@router.post(
    "/sweep",
    response_class=Response,
    responses={200: SWEPT, **problems(400, 401, 404, 408, 413, 415, 422, 503, 507)},
    dependencies=[Depends(StrictForm("axis", "frames", "format", "quality"))],
)
async def sweep(
    request: Request,
    engine: EngineDep,
    admission: AdmissionDep,
    asked: AskedDep,
    axis: Annotated[
        Annotated[str, Field(min_length=1, max_length=200)] | Absent,
        Form(
            description="The id of the axis to move; the model's first if left out. The others stay at `alpha`.",
        ),
    ] = None,
    frames: Annotated[
        int, Form(ge=FEWEST, le=MOST, description="How many steps from one end to the other.", examples=[12])
    ] = 12,
    format: Annotated[  # noqa: A002
        Literal["webp", "gif", "png", "jpeg"], Form(description="Of the reply.", examples=["webp"])
    ] = "webp",
    quality: Annotated[int, Form(ge=1, le=100, description="Of JPEG and WebP.", examples=[90])] = 90,
) -> Response:
    """Render a picture at several α along one axis; takes the same fields as /infer.

    `curl -F image=@photo.jpg -F frames=12 -F max_side=640 localhost:8000/sweep -o out.webp`
    """
    timings: Timings = {}
    notes: list[str] = []

    async def work() -> bytes:
        opened = await engine.open(asked.model, asked.inputs, timings)
        notes.extend(opened.notes)
        alpha = await engine.settle(opened, asked.alpha, asked.auto)
        planned = plan(asked.model.manifest.axes, alpha, axis, frames, format, quality)
        return await engine.sweep(opened, planned, timings)

    with admission.request():
        body = await admission.in_time(request, work())
    return Response(body, media_type=FORMATS[format], headers=told(asked.model.id, {}, format, timings, notes))
