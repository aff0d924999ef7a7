"""What routes ask for."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from server.engine import Engine
from server.gate import Gate
from server.settings import Settings
from server.thumbnails import Thumbnails


async def _engine(connection: HTTPConnection) -> Engine:
    return connection.app.state.engine  # type: ignore[no-any-return]


async def _settings(connection: HTTPConnection) -> Settings:
    return connection.app.state.settings  # type: ignore[no-any-return]


async def _thumbnails(connection: HTTPConnection) -> Thumbnails:
    return connection.app.state.thumbnails  # type: ignore[no-any-return]


async def _gate(connection: HTTPConnection) -> Gate:
    return connection.app.state.gate  # type: ignore[no-any-return]


async def admitted(connection: HTTPConnection) -> None:
    """Refuse who has no key."""
    (await _gate(connection)).check_key(connection)


EngineDep = Annotated[Engine, Depends(_engine)]
GateDep = Annotated[Gate, Depends(_gate)]
SettingsDep = Annotated[Settings, Depends(_settings)]
ThumbnailsDep = Annotated[Thumbnails, Depends(_thumbnails)]
