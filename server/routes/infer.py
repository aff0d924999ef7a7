"""POST /infer: a picture, or a seed, in; a picture rendered at some α out."""

import json
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import Response
from starlette.datastructures import UploadFile as UploadedFile

from dynamicnet import DynamicNetError, Inputs
from dynamicnet.alpha import defaults, parse
from dynamicnet.applications import FIELDS as INPUTS
from dynamicnet.applications import FILES
from dynamicnet.pictures import FORMATS, MIN_SIDE
from server.dependencies import EngineDep, GateDep, SettingsDep, admitted
from server.engine import Timings
from server.negotiate import choose_format
from server.schemas import picture_reply, problems

router = APIRouter(tags=["infer"])

FIELDS = (*INPUTS, "model", "alpha", "format", "quality")

RENDERED = picture_reply(
    "The rendered picture, at the size of the one sent; of several seeds, a grid with about as many columns as rows.",
    *FORMATS.values(),
) | {
    "headers": {
        "Server-Timing": {
            "description": "What decoding, preparing, rendering and encoding took, in milliseconds.",
            "schema": {"type": "string"},
            "example": "decode;dur=8.1, prepare;dur=52.0, render;dur=131.9, encode;dur=11.4",
        },
        "X-Dynamic-Net-Model": {
            "description": "The model's id, percent-encoded.",
            "schema": {"type": "string"},
            "example": "starry",
        },
        "X-Dynamic-Net-Alpha": {
            "description": "α of every axis, as JSON.",
            "schema": {"type": "string"},
            "example": '{"strength":0.6}',
        },
    }
}


async def complete_form(request: Request) -> None:
    """Refuse a form whose fields are unknown, repeated, empty or no files, any of which would else pass in silence.

    Raises:
        DynamicNetError: ``field-unknown``, ``field-repeated``, ``field-empty`` or ``file-missing``.
    """
    form = await request.form()
    for name in form:
        if name not in FIELDS:
            raise DynamicNetError("field-unknown", f"There is no field '{name[:40]}'; there are {', '.join(FIELDS)}.")
        if len(form.getlist(name)) > 1:
            raise DynamicNetError("field-repeated", f"The field {name} is there more than once; send it once.")
        if form[name] == "":
            raise DynamicNetError("field-empty", f"The field {name} is empty; give it a value or leave it out.")
        if name in FILES and not isinstance(form[name], UploadedFile):
            raise DynamicNetError(
                "file-missing", f"The field {name} must be a file; with curl: -F {name}=@{name}.png, the @ included."
            )


@router.post(
    "/infer",
    response_class=Response,
    responses={200: RENDERED, **problems(400, 401, 404, 406, 413, 415, 422, 503, 504, 507)},
    dependencies=[Depends(admitted), Depends(complete_form)],
)
async def infer(
    request: Request,
    engine: EngineDep,
    settings: SettingsDep,
    gate: GateDep,
    image: Annotated[
        UploadFile | None, File(description="The picture: PNG, JPEG, WebP, GIF, BMP or TIFF; for models that take one.")
    ] = None,
    mask: Annotated[
        UploadFile | None,
        File(description="A picture of the same size, white where `image` has a hole; transparency does as well."),
    ] = None,
    where: Annotated[
        UploadFile | None,
        File(description="A picture by which α is multiplied: white where it counts in full, black where not at all."),
    ] = None,
    seed: Annotated[
        str | None,
        Form(
            max_length=10_000,
            description="Whole numbers with commas between, one for each picture to be made.",
            examples=["7", "1,2,3"],
        ),
    ] = None,
    latent: Annotated[
        str | None,
        Form(max_length=200_000, description="Instead of seeds: a JSON list of numbers, or a list of such lists."),
    ] = None,
    model: Annotated[
        str | None, Form(description="Its id; the first there is if left out.", examples=["starry"])
    ] = None,
    alpha: Annotated[
        str | None,
        Form(
            max_length=10_000,
            description="A number, one per insertion point, or JSON by axis; the model's defaults if left out.",
            examples=["0.6", "0.2,0.5,0.9", '{"strength": 0.6}'],
        ),
    ] = None,
    max_side: Annotated[
        int | None,
        Form(ge=MIN_SIDE, description="Shrink the picture so that its longer side is at most this.", examples=[1024]),
    ] = None,
    format: Annotated[  # noqa: A002
        Literal["png", "jpeg", "webp"] | None,
        Form(description="Of the reply; negotiated from Accept if left out.", examples=["jpeg"]),
    ] = None,
    quality: Annotated[int, Form(ge=1, le=100, description="Of JPEG and WebP.", examples=[90])] = 90,
) -> Response:
    """Render a picture; `takes` in /models says which of image, mask, seed, latent and max_side a model has a use for.

    `curl -F image=@photo.jpg -F alpha=0.6 localhost:8000/infer -o out.png`
    """
    chosen = engine.model(model)
    reply_format = format or choose_format(",".join(request.headers.getlist("accept")))
    axes = chosen.manifest.axes
    values = await engine.check(chosen, defaults(axes) if alpha is None else parse(alpha))

    timings: Timings = {}
    inputs = Inputs(
        image=await image.read() if image else None,
        mask=await mask.read() if mask else None,
        where=await where.read() if where else None,
        seed=seed,
        latent=latent,
        max_side=max_side,
        max_pixels=settings.max_pixels,
    )

    async def work() -> bytes:
        opened = await engine.open(chosen, inputs, timings)
        picture = await engine.render(opened, values, timings)
        return await engine.encode(picture, reply_format, quality, timings)

    with gate.request():
        body = await gate.in_time(request, work())
    return Response(
        body,
        media_type=FORMATS[reply_format],
        headers={
            "Server-Timing": ", ".join(f"{step};dur={ms:.1f}" for step, ms in timings.items()),
            "X-Dynamic-Net-Model": quote(chosen.id),
            "X-Dynamic-Net-Alpha": json.dumps(values, separators=(",", ":")),
            "Vary": "Accept",
        },
    )
