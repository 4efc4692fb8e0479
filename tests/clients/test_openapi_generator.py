"""The Python client that openapi-generator makes of the document."""

import parlor_generated
import pytest
from parlor_generated.api.messages_api import MessagesApi
from parlor_generated.api.rooms_api import RoomsApi


def test_post_page_edit_react_and_a_refusal(server):
    with parlor_generated.ApiClient(parlor_generated.Configuration(host=server.url)) as client:
        messages = MessagesApi(client)
        posted = messages.post_message("general", parlor_generated.NewMessage(username="Alice", content="one"))
        assert posted.id == 1 and posted.username == "Alice"
        assert [message.content for message in messages.list_messages("general").messages] == ["one"]
        edit = parlor_generated.MessageEdit(username="Alice", content="two")
        assert messages.edit_message("general", 1, edit).content == "two"
        room = RoomsApi(client).put_room("general", put_room=parlor_generated.PutRoom(title="Plans"))
        assert room.title == "Plans"
        (reaction,) = messages.add_reaction("general", 1, "#️⃣", "Bob").reactions
        assert reaction.emoji == "#️⃣" and reaction.count == 1
        with pytest.raises(parlor_generated.exceptions.ApiException) as refused:
            messages.edit_message("general", 1, parlor_generated.MessageEdit(username="Bob", content="x"))
        assert refused.value.status == 403
