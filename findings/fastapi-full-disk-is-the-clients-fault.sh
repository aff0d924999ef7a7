#!/usr/bin/env bash
# FastAPI answers an upload that finds the disk full with 400, "There was an error parsing the body", and logs nothing.
#
# Starlette spools files of over 1 MB to disk while it parses a form. What writing there raises, ENOSPC or EFBIG, is no
# fault of the client's and would be a 500 with a traceback anywhere else; FastAPI takes whatever is raised before a
# route's function is called, and is no HTTPException, for a body that cannot be parsed. Monitors of 5xx see nothing,
# and clients do not try again. The error is there as the __cause__ of the HTTPException: a handler can look at it.
# Here, a limit on the size of files stands for the full disk.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet fastapi==0.165.0 starlette==1.10.0 python-multipart==0.0.34 httpx==0.28.1

"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import logging
import resource
import sys

import fastapi
import httpx
import starlette
from fastapi import FastAPI, Request, UploadFile
from starlette.exceptions import HTTPException

logged = []
logging.basicConfig(level="INFO", handlers=[handler := logging.Handler()])
handler.emit = lambda record: record.name.startswith("httpx") or logged.append(record.getMessage())
causes = []
plain, looking = FastAPI(), FastAPI()


@looking.exception_handler(HTTPException)
async def look(request: Request, error: HTTPException):
    causes.append(error.__cause__)
    return fastapi.Response(status_code=503)


for app in (plain, looking):

    @app.post("/")
    async def take(file: UploadFile) -> int:
        return file.size or 0


async def post(app, size):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server") as client:
        reply = await client.post("/", files={"file": bytes(size)})
        return reply.status_code, reply.text


resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, resource.RLIM_INFINITY))
print(f"FastAPI {fastapi.__version__}, Starlette {starlette.__version__}; no file may have more than 1.5 MB")
small, large = asyncio.run(post(plain, 1_200_000)), asyncio.run(post(plain, 3_000_000))
told, _ = asyncio.run(post(looking, 3_000_000))
print(f"  an upload of 1.2 MB: {small}\n  of 3 MB: {large}; logged: {logged}")
print(f"  with a handler that looks at the cause: {told}, {causes[0]!r}")
clients_fault = large == (400, '{"detail":"There was an error parsing the body"}') and not logged
sys.exit(0 if small == (200, "1200000") and clients_fault and isinstance(causes[0], OSError) else "this has changed")
PYTHON
