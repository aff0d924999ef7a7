"""Every error leaves as application/problem+json (RFC 9457)."""

import json
import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import ClientDisconnect

from dynamicnet import DynamicNetError
from dynamicnet.errors import complaint
from server.http.middleware import Stopping
from server.operations.admission import GONE

log = logging.getLogger(__name__)

PROBLEM = "application/problem+json"

HTTP_CODES = {
    400: "request-malformed",
    404: "path-unknown",
    405: "method-not-allowed",
    408: "upload-stalled",
    413: "upload-too-large",
}
"""Codes of the errors that the framework raises, by status."""


class ProblemResponse(JSONResponse):
    """A problem document."""

    media_type = PROBLEM

    def render(self, content: Any) -> bytes:  # noqa: ANN401
        """Encode as JSON; a lone surrogate a client sent, which UTF-8 lacks, becomes a JSON escape."""
        return json.dumps(content, ensure_ascii=False).encode("utf-8", "backslashreplace")


def problem(status: int, code: str, detail: str) -> ProblemResponse:
    """The problem document of one error."""
    title = "Client Closed Request" if status == GONE else HTTPStatus(status).phrase
    headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "1"}}.get(status)
    return ProblemResponse(
        {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}, status, headers
    )


def from_validation(errors: Sequence[Any]) -> DynamicNetError:
    """The first of pydantic's complaints as an error that names the field; ``quality-invalid``, say."""
    first = errors[0]
    # Pydantic's path to a field also holds where it came from ("body") and which kinds of value it tried there.
    field = next((str(part) for part in first["loc"][1:] if isinstance(part, str)), "request")
    if first["type"] == "extra_forbidden":
        return DynamicNetError("field-unknown", f"There is no field '{field[:40]}' here.")
    return DynamicNetError(f"{field.replace('_', '-')}-invalid", f"{field}: {complaint(first)}.")


def nothing_at(path: str) -> str:
    """The sentence for a path that there is not."""
    return f"There is nothing at {path[:80]}; a proxy with a path of its own takes it off."


def install(app: FastAPI) -> None:
    """Answer every error with a problem document, and count it."""

    def answer(request: Request, status: int, code: str, detail: str) -> Response:
        request.app.state.metrics.errors.labels(code).inc()
        return problem(status, code, detail)

    @app.exception_handler(DynamicNetError)
    async def _ours(request: Request, error: DynamicNetError) -> Response:
        return answer(request, error.status, error.code, error.message)

    @app.exception_handler(RequestValidationError)
    async def _validation(request: Request, error: RequestValidationError) -> Response:
        ours = from_validation(error.errors())
        return answer(request, ours.status, ours.code, ours.message)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        if isinstance(error.__cause__, ClientDisconnect):
            return answer(request, GONE, "client-gone", "The client hung up.")
        if isinstance(error.__cause__, OSError):  # a full disk; the framework calls it a malformed request
            log.error("An upload could not be kept", exc_info=error.__cause__)
            return answer(request, 503, "upload-not-kept", "The server has no room for the upload; try again later.")
        detail = error.detail
        headers = dict(error.headers or {})
        if error.status_code == 404:
            detail = nothing_at(request.url.path)
        if error.status_code == 405:
            headers["Allow"] = headers["Allow"].replace("GET", "GET, HEAD")
            detail = f"{request.url.path[:80]} is for {headers['Allow']}, not for {request.method[:20]}."
        response = answer(request, error.status_code, HTTP_CODES.get(error.status_code, "request-refused"), detail)
        response.headers.update(headers)
        return response

    async def stopping(request: Request) -> Response:
        return answer(request, 503, "server-stopping", "The server is being stopped; ask again.")

    async def unexpected(request: Request, error: Exception) -> Response:
        # Starlette raises the error again after this answer, and uvicorn logs it with its traceback.
        return answer(request, 500, "internal-error", "Something went wrong here; the server's log says what.")

    # As an exception handler it would answer around all other middleware, which adds headers to every answer.
    app.add_middleware(ServerErrorMiddleware, handler=unexpected)
    app.add_middleware(Stopping, handler=stopping, answering=app.state.answering)
