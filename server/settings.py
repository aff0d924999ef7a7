"""What can be set from outside."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from dynamicnet.pictures import MAX_PIXELS

ROOT = Path(__file__).resolve().parents[1]
STATIC = ROOT / "static"
TEMPLATES = ROOT / "templates"


class Settings(BaseSettings):
    """Settings, each from the environment variable of its name with ``DYNAMICNET_`` before it."""

    model_config = SettingsConfigDict(env_prefix="DYNAMICNET_")

    weights: Path = Field(default=ROOT / "weights", description="Folder of model packages.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Where models run; auto takes CUDA if there is one."
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on.")
    max_upload_bytes: int = Field(
        default=20_000_000, gt=0, description="Largest request body, and largest picture over WebSocket."
    )
    max_pixels: int = Field(default=MAX_PIXELS, gt=0, description="Largest picture, in pixels.")
    prepared_bytes: int = Field(
        default=1_000_000_000,
        ge=0,
        description="How much of what was prepared is kept, so that another alpha for the same picture is quick; "
        "a picture of 512×512 takes about 12 MB.",
    )
    models_bytes: int = Field(
        default=2_000_000_000,
        ge=0,
        description="How many bytes of parameters stay on the device; the models used least recently leave it.",
    )
    max_message_bytes: int = Field(
        default=32_000_000,
        gt=0,
        description="Largest WebSocket message; a larger one closes the connection with status 1009.",
    )
