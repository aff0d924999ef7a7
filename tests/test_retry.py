"""What a proxy does when replicas are lost; with real ones, tests/test_cluster.py."""

import asyncio

import httpx
from starlette.requests import Request
from starlette.responses import Response

from server.operations.retry import Retry


class Losing:
    """Ends without an answer, as Serve's proxy does, so many times; then sends back what it got."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.asked = 0

    async def __call__(self, scope, receive, send) -> None:
        self.asked += 1
        body = await Request(scope, receive).body()
        if self.asked > self.times:
            await Response(body)(scope, receive, send)


async def chunks():
    for chunk in (b"some", b"times ", b"lost"):
        yield chunk


def post(app: Losing) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(Retry(app)), base_url="http://proxy") as client:
            return await client.post("/infer", content=chunks())

    return asyncio.run(ask())


def test_a_request_is_asked_again_with_all_of_its_body():
    for times in (0, 1, 2):
        app = Losing(times)
        reply = post(app)
        assert (reply.status_code, reply.content, app.asked) == (200, b"sometimes lost", times + 1)


def test_when_everyone_is_lost_the_client_is_told_when_to_come_back():
    app = Losing(9)
    reply = post(app)
    assert (reply.status_code, reply.json()["code"], reply.headers["retry-after"]) == (503, "replica-lost", "1")
    assert app.asked == 3


def test_a_reply_that_has_begun_is_not_begun_again():
    sent, asked = [], 0

    async def breaking_off(scope, receive, send):
        nonlocal asked
        asked += 1
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message):
        sent.append(message["type"])

    asyncio.run(Retry(breaking_off)({"type": "http"}, None, send))
    assert (sent, asked) == (["http.response.start"], 1)


def test_for_a_client_that_has_gone_nothing_is_asked_again():
    asked = 0

    async def waiting(scope, receive, send):
        nonlocal asked
        asked += 1
        assert (await receive())["type"] == "http.disconnect"

    async def hung_up():
        return {"type": "http.disconnect"}

    asyncio.run(Retry(waiting)({"type": "http"}, hung_up, None))
    assert asked == 1
