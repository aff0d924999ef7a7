"""What can be set from outside: the environment, or a file .env where the server starts."""

import logging
import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from dynamicnet.decode import MOST_DECODED
from dynamicnet.errors import DynamicNetError, complaint, printable, reason

ROOT = Path(__file__).resolve().parents[1]
STATIC = ROOT / "static"
TEMPLATES = ROOT / "templates"

log = logging.getLogger(__name__)

PREFIX = "DYNAMICNET_"
ENV_FILE = ".env"

Words = Annotated[tuple[str, ...], NoDecode]
"""Words separated by commas."""


class Settings(BaseSettings):
    """Settings, each from the environment variable of its name with ``DYNAMICNET_`` before it (docs/operations.md)."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=ENV_FILE, extra="ignore")

    weights: Path = Field(default=ROOT / "weights", description="Folder of model packages.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Where models run; auto takes CUDA if there is one."
    )
    host: str = Field(
        default="127.0.0.1", description="Address to listen on; by default, only this machine can reach it."
    )
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="What is logged: at info, a line for each request."
    )
    max_upload_bytes: int = Field(
        default=64_000_000,
        gt=0,
        description="Largest request body, and largest picture over WebSocket; one of 100 megapixels has about 40 MB.",
    )
    max_pixels: int = Field(
        default=MOST_DECODED,
        gt=0,
        description="Largest picture, in pixels, that is worked at; a larger one, of up to 120 million, has to be made "
        "smaller with max_side. A model may have less room.",
    )
    max_message_bytes: int = Field(
        default=80_000_000,
        gt=0,
        description="Largest WebSocket message; a larger one closes the connection with status 1009.",
    )
    max_messages: int = Field(
        default=240,
        gt=0,
        description="Messages a second from one session; more than that have to wait. Screens show fewer frames.",
    )
    prepared_bytes: int = Field(
        default=1_000_000_000,
        ge=0,
        description="How many bytes of prepared pictures are kept, so that another alpha for the same picture is "
        "quick; a picture of 512×512 takes about 30 MB.",
    )
    models_bytes: int = Field(
        default=2_000_000_000,
        ge=0,
        description="How many bytes of parameters stay on the device; the least recently used models leave it.",
    )
    max_waiting: int = Field(
        default=64,
        gt=0,
        description="How many requests for pictures may be under way, waiting or worked at; beyond that, 503 at once. "
        "The default is seconds of work on a CPU.",
    )
    max_sessions: int = Field(default=256, gt=0, description="WebSocket sessions at once, of all clients.")
    max_sessions_per_address: int = Field(
        default=32, gt=0, description="The same for one address; an office behind one address shares them."
    )
    idle_seconds: float = Field(
        default=600, gt=0, description="A session without a message for this long is closed; the page opens it again."
    )
    ping_seconds: float = Field(
        default=20, gt=0, description="How often the server pings each session; proxies wait longer than that."
    )
    pong_seconds: float = Field(
        default=20,
        gt=0,
        description="A session that leaves a ping unanswered for this long is closed: a phone that loses its "
        "network says no goodbye.",
    )
    waiting_seconds: float = Field(
        default=60, gt=0, description="Longest a request may wait in line; one that has begun by then is finished."
    )
    drain_seconds: int = Field(
        default=20, gt=0, description="How long requests in flight may take after SIGTERM, before they are cut off."
    )
    origins: Words = Field(
        default=(),
        description="Other origins whose pages may use this server, such as https://example.org, separated by commas.",
    )
    keys: Words = Field(
        default=(),
        description="Keys, in ASCII, separated by commas; where there are any, /infer, /sweep, /metrics and /ws ask "
        "for one.",
    )

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"https?://[^/?#@*\x7f-\U0010ffff]+", origin) for origin in origins):
            raise ValueError("an origin is https:// or http:// and a host, without anything after it")
        return origins

    @field_validator("keys")
    @classmethod
    def _are_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        if not all(key.isascii() and key.isprintable() for key in keys):
            raise ValueError("a key is made of ASCII letters, digits and signs, which all clients send alike")
        return keys

    @field_validator("origins", "keys", mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:  # noqa: ANN401
        return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def read_settings(**changes: Any) -> Settings:  # noqa: ANN401
    """Settings from the environment, some of them changed; variables that look like one and are none are logged.

    Raises:
        DynamicNetError: ``settings-invalid``; it names the first that is wrong.
    """
    try:
        for name, known in unknown().items():
            log.warning("There is no setting %s%s", name, f"; did you mean {known}?" if known else ".")
        return Settings(**changes)
    except OSError as error:
        raise DynamicNetError("settings-invalid", f"{ENV_FILE} cannot be read: {reason(error)}.", 500) from None
    except UnicodeDecodeError as error:
        raise DynamicNetError("settings-invalid", f"{ENV_FILE} is not in UTF-8 ({error}).", 500) from None
    except ValidationError as error:
        first = error.errors()[0]
        name = variable("_".join(map(str, first["loc"])))
        value = first["input"]
        given = ",".join(value) if isinstance(value, list) else str(value)
        said = "" if first["loc"] == ("keys",) else f"={printable(given)}"  # which are secret
        raise DynamicNetError("settings-invalid", f"{name}{said}: {complaint(first)}.", 500) from None


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"{PREFIX}{name}".upper()


def unknown() -> dict[str, str | None]:
    """Variables, of the environment and of .env, that begin as ours do and are none; and what may have been meant."""
    given = {name.upper() for name in (*os.environ, *dotenv_values(ENV_FILE)) if name.upper().startswith(PREFIX)}
    known = {variable(name) for name in Settings.model_fields}
    return {name: next(iter(get_close_matches(name, known, 1, 0.85)), None) for name in sorted(given - known)}
