"""Python's websockets talks, is answered, and resumes."""

import json
import time

from server import DEADLINE
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
