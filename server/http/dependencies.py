"""What routes ask for."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection

from server.engine.engine import Engine
from server.http.thumbnails import Thumbnails
from server.operations.admission import Admission
from server.settings import Settings

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


async def _engine(connection: HTTPConnection) -> Engine:
    return connection.app.state.engine  # type: ignore[no-any-return]


async def _settings(connection: HTTPConnection) -> Settings:
    return connection.app.state.settings  # type: ignore[no-any-return]


async def _thumbnails(connection: HTTPConnection) -> Thumbnails:
    return connection.app.state.thumbnails  # type: ignore[no-any-return]


async def _admission(connection: HTTPConnection) -> Admission:
    return connection.app.state.admission  # type: ignore[no-any-return]


class Guarded(APIRoute):
    """A route for who has a key, and finds room: others are refused before anything of what they send is read."""

    def get_route_handler(self) -> Handler:
        """What answers a request."""
        answer = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            admission = await _admission(request)
            admission.check_key(request)
            if request.method == "POST":
                admission.check_room()
            return await answer(request)

        return guarded


EngineDep = Annotated[Engine, Depends(_engine)]
AdmissionDep = Annotated[Admission, Depends(_admission)]
SettingsDep = Annotated[Settings, Depends(_settings)]
ThumbnailsDep = Annotated[Thumbnails, Depends(_thumbnails)]
