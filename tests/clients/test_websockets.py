"""Python's websockets talks, is answered, resumes, and closes."""

import json
import time

import pytest
from server import DEADLINE
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect


def open_socket(server, path="/api/v1/rooms/general/ws"):
    return connect(server.url.replace("http", "ws") + path)


def until(socket, kind):
    deadline = time.monotonic() + DEADLINE
    while True:
        frame = json.loads(socket.recv(timeout=deadline - time.monotonic()))
        if frame["type"] == kind:
            return frame


def test_post_history_live_and_resume(server):
    server.post("one")
    with open_socket(server) as bob, open_socket(server, "/ws/chat/general/") as alice:
        assert [message["content"] for message in until(bob, "message_history")["messages"]] == ["one"]
        alice.send(json.dumps({"type": "user_join", "username": "Alice"}))
        assert until(bob, "user_status")["username"] == "Alice"
        alice.send(json.dumps({"type": "typing", "is_typing": True}))
        assert until(bob, "typing_indicator")["is_typing"]
        alice.send(json.dumps({"type": "chat_message", "message": "two", "ref": "r"}))
        assert until(alice, "ack") == {"type": "ack", "ref": "r", "id": 2}
        event = until(bob, "chat_message")
        assert event["message"]["content"] == "two" and event["message"]["username"] == "Alice"
        alice.send("nonsense")
        assert until(alice, "error")["code"] == "invalid_json"

    missed = [server.post("three"), server.post("four")]
    server.restart()
    with open_socket(server, f"/api/v1/rooms/general/ws?since={event['id']}") as bob:
        assert [until(bob, "chat_message")["id"] for _ in missed] == missed
        server.post("five")
        assert until(bob, "chat_message")["message"]["content"] == "five"


def test_each_way_to_close_is_a_clean_one(server):
    for close, code in [({}, 1000), ({"code": 4321, "reason": "why"}, 4321)]:
        with open_socket(server) as socket:
            until(socket, "message_history")
            # Waits for the server's close, and for the end of the connection.
            socket.close(**close)
        assert socket.close_code == code
        assert socket.protocol.close_exc.rcvd_then_sent is False, "the server answered, and did not begin"

    with open_socket(server) as socket:
        socket.send("x" * 70_000)
        with pytest.raises(ConnectionClosedError) as told:
            while True:
                socket.recv(timeout=DEADLINE)
        assert told.value.rcvd.code == 1009
