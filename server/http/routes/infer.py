"""POST /infer: a picture, or a seed, in; a picture rendered at some α out."""

import json
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from dynamicnet.files.keep import Choice
from dynamicnet.pictures import FORMATS, lost
from server.engine.engine import AxisValues, Timings
from server.http.dependencies import AdmissionDep, EngineDep, Guarded
from server.http.form import Absent, AskedDep, StrictForm
from server.http.negotiate import choose_format
from server.http.schemas import ALPHA, TOLD, picture_reply, problems, told

router = APIRouter(tags=["infer"], route_class=Guarded)

RENDERED = picture_reply(
    "The rendered picture, at the size of the one sent; of several seeds, a grid with about as many columns as rows.",
    *FORMATS.values(),
) | {
    "headers": TOLD
    | {
        ALPHA: {
            "description": "α of every axis, as JSON.",
            "schema": {"type": "string"},
            "example": '{"strength":0.6}',
        },
    }
}


@router.post(
    "/infer",
    response_class=Response,
    responses={200: RENDERED, **problems(400, 401, 404, 406, 408, 413, 415, 422, 503, 507)},
    dependencies=[Depends(StrictForm("format", "quality", "metadata"))],
)
async def infer(
    request: Request,
    engine: EngineDep,
    admission: AdmissionDep,
    asked: AskedDep,
    format: Annotated[  # noqa: A002
        Literal["png", "jpeg", "webp"] | Absent,
        Form(description="Of the reply; negotiated from Accept if left out.", examples=["jpeg"]),
    ] = None,
    quality: Annotated[int, Form(ge=1, le=100, description="Of JPEG and WebP.", examples=[90])] = 90,
    metadata: Annotated[
        Choice,
        Form(
            description="What the reply says of what the photograph's file says about it: keep, its copyright, author, "
            "date, camera and DPI; keep,gps, the place where it was taken as well.",
        ),
    ] = "none",
) -> Response:
    """Render a picture; `takes` in /models says which of these fields a model uses.

    `curl -F image=@photo.jpg -F alpha=0.6 localhost:8000/infer -o out.png`
    """
    reply_format = format or choose_format(",".join(request.headers.getlist("accept")))
    timings: Timings = {}
    alpha: AxisValues = {}
    notes: list[str] = []

    async def work() -> bytes:
        opened = await engine.open(asked.model, asked.inputs, timings)
        notes.extend(opened.notes)
        alpha.update(await engine.settle(opened, asked.alpha, asked.auto))
        picture = await engine.render(opened, alpha, timings)
        notes.extend(lost(picture, reply_format))
        opened = opened.resting  # while it is encoded, others may have that memory
        return await engine.encode(picture, reply_format, quality, timings, opened.metadata.chosen(metadata))

    with admission.request():
        body = await admission.in_time(request, work())
    return Response(
        body,
        media_type=FORMATS[reply_format],
        headers=told(asked.model.id, alpha, reply_format, timings, notes)
        | {ALPHA: json.dumps(alpha, separators=(",", ":")), "Vary": "Accept"},
    )
