#!/usr/bin/env bash
# Starlette's handler of Exception answers outside of all middleware, and so without the headers of CORS.
#
# Handlers of other exceptions run within. That of Exception, or of 500, is given to a layer around everything that was
# added: its answer lacks what middleware puts on answers, and a page of another origin that may use the server is told
# by the browser of a refused origin, in place of the error. The same layer, added as the first middleware, is within.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet starlette==1.10.0 httpx==0.28.1

"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import sys

import httpx
import starlette
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

ORIGIN = "https://elsewhere.example"


def fails(error):
    async def endpoint(request):
        raise error

    return endpoint


async def handler(request, error):
    return PlainTextResponse("sorry", 500)


routes = [Route("/value", fails(ValueError())), Route("/other", fails(KeyError()))]
handled = Starlette(routes=routes, exception_handlers={ValueError: handler, Exception: handler})
within = Starlette(routes=routes)
within.add_middleware(ServerErrorMiddleware, handler=handler)
for app in (handled, within):
    app.add_middleware(CORSMiddleware, allow_origins=[ORIGIN])


async def allowed(app, path):
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        reply = await client.get(path, headers={"Origin": ORIGIN})
    assert (reply.status_code, reply.text) == (500, "sorry")
    return reply.headers.get("access-control-allow-origin")


seen = {
    "a handler of ValueError": asyncio.run(allowed(handled, "/value")),
    "a handler of Exception": asyncio.run(allowed(handled, "/other")),
    "the layer as middleware": asyncio.run(allowed(within, "/other")),
}
print(f"starlette {starlette.__version__}: the origin that the answer of each lets read it:")
for name, origin in seen.items():
    print(f"  {name}: {origin}")
sys.exit(0 if list(seen.values()) == [ORIGIN, None, ORIGIN] else "this has changed")
PYTHON
