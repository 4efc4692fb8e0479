"""The Python client that openapi-python-client makes of the document."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from parlor_client import AuthenticatedClient, Client, models
from parlor_client.api.messages import (
    add_reaction,
    delete_message,
    edit_message,
    get_message,
    list_messages,
    list_reactions,
    list_revisions,
    post_message,
    remove_reaction,
    search_messages,
)
from parlor_client.api.presence import count_unread, list_presence, list_read, mark_read, set_typing
from parlor_client.api.reading import poll_events
from parlor_client.api.rooms import get_room, list_rooms, put_room
from parlor_client.api.service import get_readiness
from server import DEADLINE


@pytest.fixture
def client(server):
    with Client(base_url=server.url, timeout=DEADLINE) as client:
        yield client


def post(client, content):
    message = post_message.sync("general", client=client, body=models.NewMessage(username="Alice", content=content))
    assert isinstance(message, models.Message), message
    return message.id


def poll(client, since):
    answer = poll_events.sync("general", client=client, since=since, wait=10)
    assert isinstance(answer, models.PollAnswer), answer
    return answer


def test_post_history_live_and_resume(server, client):
    post(client, "one")
    page = list_messages.sync("general", client=client)
    assert [message.content for message in page.messages] == ["one"]
    history, *_ = poll_events.sync("general", client=client).events
    assert isinstance(history, models.MessageHistoryEvent) and history.messages[0].username == "Alice"

    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(poll, client, page.next_)
        posted = post(client, "two")
        answer = waiting.result()
    (event,) = answer.events
    assert isinstance(event, models.ChatMessageEvent) and event.message.content == "two" and event.id == posted

    missed = [post(client, "three"), post(client, "four")]
    server.restart()
    with Client(base_url=server.url, timeout=DEADLINE) as again:
        events = []
        while len(events) < len(missed):
            answer = poll(again, answer.next_)
            events += answer.events
        assert [event.id for event in events] == missed


def test_the_other_operations(client):
    made = put_room.sync("plans", client=client, body=models.PutRoom(title="Plans"))
    assert made.title == "Plans" and made.head == 0
    assert get_room.sync("plans", client=client).name == "plans"
    assert [room.name for room in list_rooms.sync(client=client).rooms] == ["plans"]
    typing = models.SetTyping(username="Alice", is_typing=True)
    assert set_typing.sync_detailed("plans", client=client, body=typing).status_code == 204
    assert list_presence.sync("plans", client=client).online == 0
    assert get_readiness.sync(client=client).status == "ok"
    assert post_message.sync("plans", client=client, body=models.NewMessage(username="Alice", content="by form"))
    found = search_messages.sync("plans", client=client, q="for")
    assert [message.content for message in found.messages] == ["by form"] and found.next_ is None
    missing = get_message.sync("plans", 7, client=client)
    assert isinstance(missing, models.Problem) and missing.code == "not_found"
    bad = post_message.sync("plans", client=client, body=models.NewMessage(username="", content="x"))
    assert isinstance(bad, models.Problem) and bad.errors[0].field == "username"


def test_what_a_message_lives_through(client):
    post(client, "Helo")
    edit = models.MessageEdit(username="Alice", content="Hello")
    assert edit_message.sync("general", 1, client=client, body=edit).content == "Hello"
    assert [old.content for old in list_revisions.sync("general", 1, client=client).revisions] == ["Helo"]
    (thumbs,) = add_reaction.sync("general", 1, "👍", client=client, username="Bob").reactions
    assert (thumbs.emoji, thumbs.count, thumbs.usernames) == ("👍", 1, ["Bob"])
    assert [user.username for user in list_reactions.sync("general", 1, "👍", client=client).users] == ["Bob"]
    assert remove_reaction.sync("general", 1, "👍", client=client, username="Bob").reactions == []
    assert count_unread.sync("general", client=client, username="Bob").unread == 1
    read = models.MarkRead(username="Bob", last_read_id=1)
    assert mark_read.sync("general", client=client, body=read).last_read_id == 1
    assert [cursor.username for cursor in list_read.sync("general", client=client).cursors] == ["Bob"]
    tombstone = delete_message.sync("general", 1, client=client, username="Alice")
    assert tombstone.content == "" and tombstone.deleted_at
    gone = edit_message.sync("general", 1, client=client, body=edit)
    assert isinstance(gone, models.Problem) and gone.code == "deleted"
    kinds = [type(event) for event in poll(client, 1).events]
    assert kinds[:4] == [
        models.MessageEditedEvent,
        models.ReactionAddedEvent,
        models.ReactionRemovedEvent,
        models.MessageDeletedEvent,
    ]


def test_a_key_is_sent_as_the_document_says(guarded):
    with AuthenticatedClient(base_url=guarded.url, token=guarded.admin_key, timeout=DEADLINE) as client:
        posted = post_message.sync("general", client=client, body=models.NewMessage(username="root", content="hi"))
        assert isinstance(posted, models.Message) and posted.username == "root", posted
    with Client(base_url=guarded.url, timeout=DEADLINE) as guest:
        assert [message.content for message in list_messages.sync("general", client=guest).messages] == ["hi"]
        refused = post_message.sync("general", client=guest, body=models.NewMessage(username="root", content="hi"))
        assert isinstance(refused, models.Problem) and refused.code == "unauthenticated", refused
