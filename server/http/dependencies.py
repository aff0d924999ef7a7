"""What routes ask for."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from server.engine.engine import Engine
from server.http.thumbnails import Thumbnails
from server.operations.admission import Admission
from server.settings import Settings


async def _engine(connection: HTTPConnection) -> Engine:
    return connection.app.state.engine  # type: ignore[no-any-return]


async def _settings(connection: HTTPConnection) -> Settings:
    return connection.app.state.settings  # type: ignore[no-any-return]


async def _thumbnails(connection: HTTPConnection) -> Thumbnails:
    return connection.app.state.thumbnails  # type: ignore[no-any-return]


async def _admission(connection: HTTPConnection) -> Admission:
    return connection.app.state.admission  # type: ignore[no-any-return]


async def admitted(connection: HTTPConnection) -> None:
    """Refuse who has no key."""
    (await _admission(connection)).check_key(connection)


EngineDep = Annotated[Engine, Depends(_engine)]
AdmissionDep = Annotated[Admission, Depends(_admission)]
SettingsDep = Annotated[Settings, Depends(_settings)]
ThumbnailsDep = Annotated[Thumbnails, Depends(_thumbnails)]
