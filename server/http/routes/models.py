"""GET /models: what there is to choose from, and what each looks like."""

from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import Response

from dynamicnet import Model
from server.http.dependencies import EngineDep, ThumbnailsDep
from server.http.schemas import ModelInfo, ModelList, picture_reply, problems, sliders

router = APIRouter(prefix="/models", tags=["models"])


@router.get("", responses=problems())
async def models(engine: EngineDep) -> ModelList:
    """The models, by id, with everything needed to show their sliders."""
    return ModelList(models=[describe(model) for model in engine.models.values()], left_out=engine.left_out)


@router.get(
    "/{model_id}/thumbnail",
    response_class=Response,
    responses={
        200: picture_reply("What the model makes of a sample picture.", "image/jpeg"),
        **problems(404, 503),
    },
)
async def thumbnail(model_id: str, engine: EngineDep, thumbnails: ThumbnailsDep) -> Response:
    """A sample picture as the model renders it, its longer side at most 256 pixels."""
    picture = await thumbnails.get(engine.model(model_id))
    return Response(picture, media_type="image/jpeg", headers={"Cache-Control": "public, max-age=3600"})


def describe(model: Model) -> ModelInfo:
    """What there is to be known of a model to show its sliders."""
    manifest = model.manifest
    return ModelInfo(
        id=model.id,
        title=manifest.title,
        description=manifest.description,
        application=manifest.application,
        takes=list(model.application.takes),
        axes=sliders(manifest),
        thumbnail=f"models/{quote(model.id, safe='')}/thumbnail",
    )
