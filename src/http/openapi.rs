//! The frame of the `OpenAPI` document; its paths come from the routes themselves.

use utoipa::{
    OpenApi, ToSchema,
    openapi::{
        Components, HeaderBuilder, ObjectBuilder, OpenApi as Document, Ref, RefOr, Response, Schema,
        request_body::RequestBody,
        schema::{SchemaType, Type},
    },
};

pub mod answers;
pub mod docs;
pub mod params;
pub(super) mod samples;
pub mod texts;
pub(super) mod unions;

use super::{problem::ProblemBody, stream::client_frame::SocketAnswer};
use crate::domain::{
    content::{Content, ContentLimit},
    event::EventBody,
    message::{Message, Reaction},
    name::{RoomName, Username},
    read_cursor::ReadCursor,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Parlor",
        description = "A chat server: the same ordered, durable events by Server-Sent Events, long poll and WebSocket.\n\n\
            Each room has one log of events, with ids 1, 2, 3 … without a gap. An event's id is at once the id of the \
            message it made, the cursor to resume from on every transport, and the paging key. Whoever gives the cursor \
            it last saw gets every durable event after it, once and in order, and then live; if that can't be, a `reset` \
            event says so first.\n\n\
            Every error is a problem document (RFC 9457) with a stable `code`. Every answer has `X-Request-Id`.",
        license(name = "Apache License 2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/", description = "the server this document comes from")),
    components(schemas(
        EventBody<'_>, Message, Reaction, ReadCursor, ProblemBody<'_>, RoomName, Username, SocketAnswer<'_>, unions::ClientFrame,
    )),
    tags(
        (name = "rooms", description = "Rooms, each with one log of events"),
        (name = "messages", description = "Posting and reading messages, and changing them"),
        (name = "reading", description = "Following a room, three ways, or several at once"),
        (name = "presence", description = "Who is here, who types, who has read"),
        (name = "service", description = "The server itself"),
    ),
)]
struct Frame;

/// The document without paths.
#[must_use]
pub fn frame() -> Document {
    Frame::openapi()
}

/// The document once all paths are in it: with its error answers, unions, forms and headers, and with what
/// is set here.
#[must_use]
pub fn complete(mut document: Document, content_limit: ContentLimit) -> Document {
    let components = document.components.get_or_insert_default();
    components.schemas.insert(Content::name().into(), content_limit.schema().into());
    components.responses = answers::components();
    unions::name_members(components);
    for path in document.paths.paths.values_mut() {
        path.parameters = Some(vec![RefOr::Ref(Ref::new(format!("#/components/parameters/{REQUEST_ID}")))]);
        let operations = [&mut path.get, &mut path.put, &mut path.post, &mut path.patch, &mut path.delete];
        for operation in operations.into_iter().flatten() {
            if let Some(RefOr::T(body)) = &mut operation.request_body {
                describe_form(components, body);
                // Without a body a room is made as it is, which an annotation with two content types
                // can't say.
                body.required = body.required.take().filter(|_| operation.operation_id.as_deref() != Some("put_room"));
            }
            operation.responses.responses.values_mut().for_each(carry_id);
        }
    }
    components.responses.values_mut().for_each(carry_id);
    components.parameters.insert(REQUEST_ID.into(), params::request_id(REQUEST_ID).into());
    let id = HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).examples([answers::REQUEST_ID])))
        .description(Some("The request's id, also in the server's log: the one it came with, or a new one."));
    components.headers.insert(REQUEST_ID.into(), id.build().into());
    // No operation asks for a credential.
    document.security = Some(Vec::new());
    document
}

const REQUEST_ID: &str = "X-Request-Id";

/// Says that an answer has the request's id.
fn carry_id(answer: &mut RefOr<Response>) {
    if let RefOr::T(answer) = answer {
        let id = Ref::new(format!("#/components/headers/{REQUEST_ID}"));
        answer.headers.insert(REQUEST_ID.into(), RefOr::Ref(id));
    }
}

/// Gives a form a schema of its own, without the nulls that a form can't hold. Generated clients also
/// tell by it which way to send a body.
fn describe_form(components: &mut Components, body: &mut RequestBody) {
    let Some(RefOr::T(form)) = body.content.get_mut("application/x-www-form-urlencoded") else { return };
    let Some(RefOr::Ref(json)) = &form.schema else { return };
    let name = json.ref_location.rsplit('/').next().unwrap_or_default();
    let Some(RefOr::T(Schema::Object(object))) = components.schemas.get(name) else { return };
    let (mut object, name) = (object.clone(), format!("{name}Form"));
    for property in object.properties.values_mut() {
        if let RefOr::T(Schema::Object(property)) = property
            && let SchemaType::Array(types) = &property.schema_type
            && let Some(only) = types.iter().find(|one| **one != Type::Null)
        {
            property.schema_type = only.clone().into();
        }
    }
    form.schema = Some(Ref::from_schema_name(&name).into());
    components.schemas.insert(name, Schema::Object(object).into());
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::super::document;

    #[test]
    fn the_committed_document_is_the_served_one() {
        let served = document().to_pretty_json().unwrap();
        let committed = include_str!("../../openapi/openapi.json");
        assert!(
            committed.trim_end() == served,
            "openapi/openapi.json is behind the code: `make openapi` writes it anew"
        );
    }

    /// Every operation: what stands at a path besides the parameters that its methods share.
    fn operations(document: &Value) -> impl Iterator<Item = &Value> {
        let paths = document["paths"].as_object().unwrap().values();
        paths.flat_map(|path| path.as_object().unwrap().values().filter(|member| member.is_object()))
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let document = serde_json::to_value(document()).unwrap();
        let names: Vec<_> = operations(&document).map(|operation| operation["operationId"].as_str().unwrap()).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
    }

    #[test]
    fn every_operation_is_explained_and_shown() {
        let document = serde_json::to_value(document()).unwrap();
        for operation in operations(&document) {
            let name = &operation["operationId"];
            assert!(operation["summary"].is_string() && operation["description"].is_string(), "{name}");
            let answers = operation["responses"].as_object().unwrap().values();
            for carrier in answers.chain(operation.get("requestBody")) {
                // An error answer is a reference to one that has its examples.
                let contents = carrier.get("content").and_then(Value::as_object).into_iter().flatten();
                for (kind, content) in contents {
                    assert!(content.get("example").is_some(), "{name}: no example as {kind}");
                }
            }
        }
        for (name, answer) in document["components"]["responses"].as_object().unwrap() {
            let examples = &answer["content"]["application/problem+json"]["examples"];
            assert!(examples.as_object().is_some_and(|examples| !examples.is_empty()), "{name}");
        }
    }
}
