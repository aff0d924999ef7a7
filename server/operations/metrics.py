"""What Prometheus reads at GET /metrics."""

import time

import torch
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12)
REPLIES = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
SIDES = (64, 128, 256, 512, 1024, 2048, 4096)


class Metrics:
    """The counts of one application."""

    def __init__(self) -> None:
        namespace = "dynamicnet"
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "requests", "HTTP requests by path and status", ("path", "status"), namespace=namespace, registry=registry
        )
        self.replies = Histogram(
            "request_seconds",
            "Time of an HTTP request, from its head to the end of its reply, by path",
            ("path",),
            buckets=REPLIES,
            namespace=namespace,
            registry=registry,
        )
        self.in_flight = Gauge(
            "requests_in_flight",
            "Requests for pictures that wait or are worked on",
            namespace=namespace,
            registry=registry,
        )
        self.models = Gauge("models", "Models that are served", namespace=namespace, registry=registry)
        self.left_out = Gauge(
            "models_left_out", "Packages that could not be loaded", namespace=namespace, registry=registry
        )
        self.errors = Counter(
            "errors", "What was refused or failed, by code", ("code",), namespace=namespace, registry=registry
        )
        self.sessions = Gauge("sessions", "WebSocket sessions that are open", namespace=namespace, registry=registry)
        self.waiting = Gauge("waiting", "Steps that wait for the device", namespace=namespace, registry=registry)
        self.prepared = Counter(
            "prepared",
            "Pictures asked for, by whether they were kept",
            ("kept",),
            namespace=namespace,
            registry=registry,
        )
        self.prepared_bytes = Gauge(
            "prepared_bytes", "How much of what was prepared is kept", namespace=namespace, registry=registry
        )
        device_bytes = Gauge("device_bytes", "Memory of the GPU that is taken", namespace=namespace, registry=registry)
        device_bytes.set_function(lambda: torch.cuda.memory_allocated() if torch.cuda.is_available() else 0)
        self.batches = Histogram(
            "batch_size",
            "Pictures rendered together",
            buckets=(1, 2, 4, 8, 16, 32),
            namespace=namespace,
            registry=registry,
        )
        self.renders = Histogram(
            "render_seconds",
            "Time of a render, by model and longer side",
            ("model", "side"),
            buckets=SECONDS,
            namespace=namespace,
            registry=registry,
        )

    def rendered(self, model: str, size: tuple[int, int], batch: int, seconds: float) -> None:
        """Note a render of a batch of pictures of a size (width, height)."""
        side = next((str(bound) for bound in SIDES if max(size) <= bound), "more")
        self.renders.labels(model, side).observe(seconds)
        self.batches.observe(batch)


class Counted:
    """Counts and times HTTP requests by the path of the route that took them: made-up paths make no new series."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        begun = time.perf_counter()

        async def noted(message: Message) -> None:
            path = getattr(scope.get("route"), "path", "other")
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                self.metrics.requests.labels(path, message["status"]).inc()
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self.metrics.replies.labels(path).observe(time.perf_counter() - begun)

        await self.app(scope, receive, noted)
