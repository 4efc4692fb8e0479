//! The frame of the `OpenAPI` document; its paths come from the routes themselves.

use utoipa::{
    OpenApi, ToSchema,
    openapi::{
        HeaderBuilder, ObjectBuilder, OpenApi as Document, Ref, RefOr, Response, request_body::RequestBody,
        schema::Type,
    },
};

pub mod answers;
pub mod docs;
mod names;
pub mod params;
mod rates;
pub(super) mod samples;
pub mod security;
pub mod texts;
pub(super) mod unions;

use super::{operations::is_of_the_api, problem::ProblemBody, stream::client_frame::SocketAnswer};
use crate::config::AuthMode;
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
            Who acts, `username`, may stand in the query or in the body of every change; two that differ are invalid. \
            A field of a body that the operation does not know is refused, a parameter of a query only if it is a slip \
            of a known one.\n\n\
            A server that requires credentials takes them in the header `Authorization`; in open mode, the default, names \
            are claimed, and none is asked for. `GET /api/v1/me` tells which it is.\n\n\
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
        (name = "members", description = "Members of rooms, their roles, mutes and bans, where credentials are required"),
        (name = "presence", description = "Who is here, who types, who has read"),
        (name = "accounts", description = "Accounts that this server keeps: registering, signing in, invitations"),
        (name = "identity", description = "Who is asking, where credentials are required"),
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
pub fn complete(mut document: Document, content_limit: ContentLimit, mode: AuthMode) -> Document {
    let components = document.components.get_or_insert_default();
    components.schemas.insert(Content::name().into(), content_limit.schema().into());
    components.responses = answers::components();
    unions::name_members(components);
    for (name, path) in &mut document.paths.paths {
        path.parameters = Some(vec![RefOr::Ref(Ref::new(format!("#/components/parameters/{REQUEST_ID}")))]);
        let operations = [&mut path.get, &mut path.put, &mut path.post, &mut path.patch, &mut path.delete];
        for operation in operations.into_iter().flatten() {
            if let Some(RefOr::T(body)) = &mut operation.request_body {
                describe_form(body);
                // Without a body a room is made as it is, a user stays as they are, and a stream goes on by the request's
                // own credential, which an annotation with two content types can't say.
                let may_lack = matches!(
                    operation.operation_id.as_deref(),
                    Some("put_room" | "make_room" | "extend_stream" | "patch_user")
                );
                body.required = body.required.take().filter(|_| !may_lack);
            }
            let responses = &mut operation.responses.responses;
            if is_of_the_api(name) {
                let (status, answer, ..) = answers::RATE_LIMITED;
                responses.entry(status.to_owned()).or_insert_with(|| Ref::from_response_name(answer).into());
                responses.values_mut().for_each(rates::carry);
            }
            responses.values_mut().for_each(carry_id);
        }
    }
    components.responses.values_mut().for_each(rates::carry);
    components.responses.values_mut().for_each(carry_id);
    components.headers.extend(rates::headers());
    components.parameters.insert(REQUEST_ID.into(), params::request_id(REQUEST_ID).into());
    let id = HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).examples([answers::REQUEST_ID])))
        .description(Some("The request's id, also in the server's log: the one it came with, or a new one."));
    components.headers.insert(REQUEST_ID.into(), id.build().into());
    security::state(&mut document, mode);
    if mode == AuthMode::Required {
        names::leave_to_credentials(&mut document);
    }
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

const FORM: &str = "application/x-www-form-urlencoded";

/// Leaves JSON as the one type of a body: of two, generators send one without its name, or ask each caller which.
/// That a form is taken as well is said in words, which all of them pass on.
fn describe_form(body: &mut RequestBody) {
    if body.content.remove(FORM).is_some() {
        let taken = format!("A form, `{FORM}`, with the same fields is taken as well; its empty fields are absent.");
        body.description = Some(taken);
    }
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
        assert!(committed.trim_end() == served, "openapi/openapi.json is behind the code: run `make openapi`");
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
    fn everything_that_is_sent_is_described_and_every_body_has_one_type() {
        let document = serde_json::to_value(document()).unwrap();
        for operation in operations(&document) {
            let name = &operation["operationId"];
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["description"].is_string(), "{name}: {parameter}");
            }
            if let Some(body) = operation.get("requestBody") {
                let kinds: Vec<_> = body["content"].as_object().unwrap().keys().collect();
                assert_eq!(kinds, ["application/json"], "{name}");
                // What signs in, or keeps an account, is taken as JSON alone.
                let takes_forms =
                    body["description"].as_str().is_some_and(|text| text.contains("x-www-form-urlencoded"));
                assert_eq!(takes_forms, operation["tags"] != serde_json::json!(["accounts"]), "{name}");
            }
        }
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let objects = schemas.iter().filter(|(_, schema)| schema["properties"].is_object());
        for (name, schema) in objects {
            for (property, shape) in schema["properties"].as_object().unwrap() {
                // One that may be null has its own within.
                let within = shape["oneOf"].as_array().into_iter().flatten();
                let is_described = within.chain([shape]).any(|shape| shape["description"].is_string());
                let is_described = is_described || shape["enum"].is_array() || shape["$ref"].is_string();
                assert!(is_described, "{name}.{property}: {shape}");
            }
        }
        let stream = &document["paths"]["/api/v1/stream"]["get"]["parameters"];
        let rooms = stream.as_array().unwrap().iter().find(|parameter| parameter["name"] == "rooms").unwrap();
        assert_eq!(rooms["required"], true);
    }

    /// Limits meant for requests would have a generated client refuse whole answers that it counts in another way.
    #[test]
    fn names_and_texts_of_answers_are_plain_strings() {
        let document = serde_json::to_value(document()).unwrap();
        let schemas = &document["components"]["schemas"];
        let bounds = ["pattern", "maxLength", "minLength"];
        for (schema, property) in [
            ("Message", "content"),
            ("Message", "client_id"),
            ("Reaction", "emoji"),
            ("Room", "title"),
            ("Room", "topic"),
        ] {
            assert!(
                bounds.iter().all(|bound| schemas[schema]["properties"][property].get(bound).is_none()),
                "{property}"
            );
        }
        for (schema, place) in [("Message", "username"), ("ReadCursor", "username"), ("ReactionUser", "username")] {
            assert_eq!(schemas[schema]["properties"][place]["$ref"], "#/components/schemas/Username");
        }
        assert!(bounds.iter().all(|bound| schemas["Username"].get(bound).is_none()));
        assert!(schemas["UsernameText"]["pattern"].is_string());
        assert!(schemas["Problem"]["properties"]["code"]["$ref"].is_string(), "an enum");
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
