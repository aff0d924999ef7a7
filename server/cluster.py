"""The same application on many machines, by Ray Serve: ``serve run server.cluster:app`` (docs/scaling.md)."""

from fastapi import FastAPI
from ray import serve

from server.app import create_app
from server.operations import logs
from server.settings import read_settings

settings = read_settings()


def replica() -> FastAPI:
    """What a replica serves: the whole application, with an engine of its own.

    The engine is no deployment of its own, because what is prepared of a picture is megabytes that every frame of a
    session is rendered from: it stays in the process, and on the device, where the session is.
    """
    logs.begin(settings.log_level)
    return create_app(settings)


# What follows from the application; what follows from the machines is in cluster.yaml.
app = serve.deployment(
    serve.ingress(replica)(),
    name="DynamicNet",
    # Serve counts an open session as a request. Whoever is too much is refused by the gate, in its own words.
    max_ongoing_requests=settings.max_sessions + 2 * settings.max_waiting,
    graceful_shutdown_timeout_s=settings.drain_seconds,
).bind()
