"""GET /models: what there is to choose from, and what each looks like."""

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from dynamicnet import Model
from server.http.dependencies import EngineDep, SettingsDep, ThumbnailsDep
from server.http.files import ASK_AGAIN, FOR_EVER
from server.http.schemas import ModelInfo, ModelList, picture_reply, problems, sliders

router = APIRouter(prefix="/models", tags=["models"])


@router.get("", responses=problems())
async def models(engine: EngineDep, settings: SettingsDep) -> ModelList:
    """The models, by id, with everything needed to show their sliders."""
    return ModelList(
        models=[describe(model, settings.max_pixels) for model in engine.models.values()], left_out=engine.left_out
    )


@router.get(
    "/{model_id}/thumbnail",
    response_class=Response,
    responses={
        200: picture_reply("What the model makes of a sample picture.", "image/jpeg"),
        **problems(404, 503),
    },
)
async def thumbnail(request: Request, model_id: str, engine: EngineDep, thumbnails: ThumbnailsDep) -> Response:
    """A sample picture as the model renders it, small: its longer side is 184 pixels."""
    model = engine.model(model_id)
    picture = await thumbnails.get(model)
    kept = FOR_EVER if request.query_params.get("v") == model.version else ASK_AGAIN
    return Response(picture, media_type="image/jpeg", headers={"Cache-Control": kept})


def thumbnail_of(model: Model) -> str:
    """Where its thumbnail is, seen from the page and from /models; elsewhere when the model is replaced."""
    return f"models/{quote(model.id, safe='')}/thumbnail?v={model.version}"


def describe(model: Model, most: int) -> ModelInfo:
    """What there is to be known of a model to show its sliders; ``most`` pixels are taken of a picture."""
    manifest = model.manifest
    return ModelInfo(
        id=model.id,
        title=manifest.title,
        description=manifest.description,
        application=manifest.application,
        takes=list(model.application.takes),
        max_pixels=min(model.max_pixels, most),
        axes=sliders(manifest),
        thumbnail=thumbnail_of(model),
    )
