"""aiohttp's WebSocket is closed cleanly, whoever begins."""

import asyncio
import json
import signal

import aiohttp
from server import DEADLINE


async def closed(server, close):
    """The code a socket ended with, once it was opened and closed as the test says."""
    async with asyncio.timeout(DEADLINE), aiohttp.ClientSession() as session:
        url = server.url.replace("http", "ws") + "/ws/chat/"
        async with session.ws_connect(url, timeout=aiohttp.ClientWSTimeout(ws_close=DEADLINE)) as socket:
            assert json.loads((await socket.receive()).data)["type"] == "message_history"
            await close(socket)
            while not socket.closed:
                await socket.receive()
            return socket.close_code


def test_a_close_is_answered_with_its_code(server):
    assert asyncio.run(closed(server, lambda socket: socket.close())) == 1000
    assert asyncio.run(closed(server, lambda socket: socket.close(code=4321, message=b"why"))) == 4321
    assert asyncio.run(closed(server, lambda socket: socket.send_str("x" * 70_000))) == 1009


def test_a_server_that_ends_says_so(server):
    async def end(_):
        server.process.send_signal(signal.SIGTERM)

    assert asyncio.run(closed(server, end)) == 1012
    assert server.process.wait(DEADLINE) == 0
