"""What is built on Python's requests gets each event when it happens, and people's text as it was written."""

import json
import time

import pytest
import requests
from requests_sse import EventSource
from server import DEADLINE
from sseclient import SSEClient

#: At once, to a busy machine; and before the ping after 15 s that would push out what is held back.
AT_ONCE = 10
TEXT = "Grüße, こんにちは 👩‍💻 “é”"


def get(server, last_event_id=None):
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_event_id} if last_event_id else {})
    answer = requests.get(server.room("/stream"), headers=headers, stream=True, timeout=DEADLINE)
    assert answer.status_code == 200 and answer.encoding == "utf-8", answer.headers
    return answer


def by_text_lines(server):
    """The data of the events, taken from lines of text."""
    for line in get(server).iter_lines(decode_unicode=True):
        if line.startswith("data: "):
            yield line.removeprefix("data: ")


def by_lines(server):
    for line in get(server).iter_lines():
        if line.startswith(b"data: "):
            yield line.removeprefix(b"data: ").decode()


def by_sseclient(server):
    for event in SSEClient(get(server)).events():
        yield event.data


def by_requests_sse(server):
    with EventSource(server.room("/stream"), timeout=DEADLINE) as events:
        for event in events:
            yield event.data


def until(events, kind):
    for event in map(json.loads, events):
        if event["type"] == kind:
            return event
    raise AssertionError(f"the stream ended before a {kind}")


@pytest.mark.parametrize("client", [by_text_lines, by_lines, by_sseclient, by_requests_sse])
def test_each_event_comes_when_it_happens(server, client):
    server.post(TEXT)
    events = client(server)
    assert until(events, "message_history")["messages"][0]["content"] == TEXT
    until(events, "presence_state")
    # Some lengths, for clients that read so many bytes at a time. The next is posted only once the last was seen.
    for number, length in enumerate([1, 200, 4_000, 512, 9_000]):
        content = f"{number} {TEXT} {'x' * length}"
        posted = time.monotonic()
        server.post(content)
        assert until(events, "chat_message")["message"]["content"] == content
        assert time.monotonic() - posted < AT_ONCE, f"{content[:40]} came late"
    events.close()


def test_a_stream_that_the_server_ends_is_whole(server):
    events = get(server).iter_lines()
    assert b": general" in next(events)
    server.process.terminate()
    rest = list(events)
    assert b"event: server_shutdown" in rest and rest[-1] == b""


def test_a_cut_line_is_told_and_loses_nothing(server):
    cursor = server.post("before")
    events = SSEClient(get(server, str(cursor)))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        for event in events.events():
            if event.event == "presence_state":
                server.kill()
    server.start()
    missed = [server.post("one"), server.post(TEXT)]
    seen = [event for event, _ in zip(SSEClient(get(server, str(cursor))).events(), missed)]
    assert [int(event.id) for event in seen] == missed
    assert json.loads(seen[1].data)["message"]["content"] == TEXT
