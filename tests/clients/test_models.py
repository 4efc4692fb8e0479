"""The models that datamodel-codegen makes of the document take what the server answers."""

import httpx
import parlor_models as models

#: A name of 98 characters.
FAMILIES = "👨‍👩‍👧‍👦" * 14


def test_answers_fit_the_models(server):
    post = models.NewMessage(username=FAMILIES, content="one", client_id="k")
    headers = {"Content-Type": "application/json"}
    body = post.model_dump_json(exclude_none=True)
    posted = httpx.post(server.room("/messages"), content=body.encode(), headers=headers)
    assert posted.status_code == 201, posted.text
    assert models.Message.model_validate_json(posted.text).username.root == FAMILIES
    page = models.MessagePage.model_validate_json(httpx.get(server.room("/messages")).text)
    assert [message.content for message in page.messages] == ["one"]
    poll = models.PollAnswer.model_validate_json(httpx.get(server.room("/poll")).text)
    assert isinstance(poll.events[0].root, models.MessageHistoryEvent)
    refused = httpx.post(server.room("/messages"), json={"username": "Bob", "content": " "})
    problem = models.Problem.model_validate_json(refused.text)
    assert problem.code is models.ProblemCode.invalid and problem.errors[0].field == "content"
