"""Python's httpx-sse reads a stream, live and after a break."""

import time

import httpx
from httpx_sse import connect_sse
from server import DEADLINE


def events(server, headers=None):
    """Opens the stream; gives what closes it, and its events."""
    client = httpx.Client(timeout=DEADLINE)
    stream = connect_sse(client, "GET", server.room("/stream"), headers=headers or {})
    return stream, stream.__enter__().iter_sse()


def until(events, kind):
    deadline = time.monotonic() + DEADLINE
    for event in events:
        if event.event == kind:
            return event
        assert time.monotonic() < deadline, f"no {kind}"
    raise AssertionError(f"the stream ended before a {kind}")


def test_post_history_live_and_resume(server):
    server.post("one")
    page = httpx.get(server.room("/messages")).json()
    assert [message["content"] for message in page["messages"]] == ["one"]

    stream, live = events(server)
    history = until(live, "message_history")
    assert [message["content"] for message in history.json()["messages"]] == ["one"]
    assert history.id == "1"
    server.post("two")
    event = until(live, "chat_message")
    assert event.json()["message"]["content"] == "two" and event.id == "2"
    stream.__exit__(None, None, None)

    missed = [server.post("three"), server.post("four")]
    server.restart()
    stream, resumed = events(server, {"Last-Event-ID": event.id})
    seen = [until(resumed, "chat_message") for _ in missed]
    assert [event.json()["message"]["content"] for event in seen] == ["three", "four"]
    assert [int(event.id) for event in seen] == missed
    server.post("five")
    assert until(resumed, "chat_message").json()["message"]["content"] == "five"
    stream.__exit__(None, None, None)


def test_a_cursor_that_can_not_be_is_told_by_a_reset(server):
    server.post("one")
    stream, live = events(server, {"Last-Event-ID": "99"})
    assert next(live).event == "reset"
    assert next(live).event == "message_history"
    stream.__exit__(None, None, None)
