//! Parameters of paths and headers, for the document.

use utoipa::{
    IntoParams, PartialSchema,
    openapi::{
        KnownFormat, ObjectBuilder, Ref, RefOr, Required, Schema, SchemaFormat,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::Type,
    },
};

use super::{
    super::extract::{IdPath, MemberPath, MessagePath, ReactionPath, RoomPath, StreamPath, UserPath},
    samples,
    texts::UsernameText,
};

/// One parameter; only those of a path are required.
fn param(name: &str, place: ParameterIn, description: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    let required = if place == ParameterIn::Path { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

/// The id that a proxy, or the client itself, gives a request.
pub(super) fn request_id(name: &str) -> Parameter {
    let description = "An id for this request, 1 to 64 of `A-Z a-z 0-9 - _ .`; any other is replaced by a new one.";
    param(name, ParameterIn::Header, description, ObjectBuilder::new().schema_type(Type::String))
}

fn room() -> Parameter {
    let room = param("room", ParameterIn::Path, "The room.", Ref::from_schema_name("RoomName"));
    // Pages fill in an example of the parameter, and none of its schema's.
    ParameterBuilder::from(room).example(Some("general".into())).build()
}

impl IntoParams for RoomPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![room()]
    }
}

impl IntoParams for MemberPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![room(), user()]
    }
}

impl IntoParams for IdPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
        vec![param("id", ParameterIn::Path, "Its number.", number)]
    }
}

impl IntoParams for UserPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![user()]
    }
}

impl IntoParams for StreamPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let stream = param("stream", ParameterIn::Path, "The name that `auth_expiring` told.", text);
        vec![ParameterBuilder::from(stream).example(Some(samples::STREAM.into())).build()]
    }
}

fn user() -> Parameter {
    let user = param("username", ParameterIn::Path, "The user.", UsernameText::schema());
    ParameterBuilder::from(user).example(Some("Bob".into())).build()
}

impl IntoParams for MessagePath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let id = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .minimum(Some(1));
        let id = param("id", ParameterIn::Path, "The message.", id);
        vec![room(), ParameterBuilder::from(id).example(Some(42.into())).build()]
    }
}

impl IntoParams for ReactionPath {
    fn into_params(place: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let emoji = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(64));
        let emoji = param("emoji", ParameterIn::Path, "One emoji, or `:shortcode:`.", emoji);
        let mut params = MessagePath::into_params(place);
        params.push(ParameterBuilder::from(emoji).example(Some("👍".into())).build());
        params
    }
}

macro_rules! headers {
    ($($(#[$doc:meta])+ $name:ident = $header:literal, $description:literal, $schema:expr;)+) => {$(
        $(#[$doc])+
        #[derive(Debug)]
        pub struct $name;

        impl IntoParams for $name {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                vec![param($header, ParameterIn::Header, $description, $schema)]
            }
        }
    )+};
}

headers! {
    /// The key of a post.
    IdempotencyKey = "Idempotency-Key", "The same as `client_id`; if both are given, they are equal.",
        ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[ -~]{1,64}$")).examples(["a1b2c3"]);
    /// The cursor that a stream resumes from.
    LastEventId = "Last-Event-ID",
        "Resume after this id; wins over `since`. A browser's `EventSource` sends it by itself. One that can't be \
         read is answered with a `reset` event.",
        ObjectBuilder::new().schema_type(Type::String).examples(["42"]);
    /// The cursors that a stream of several rooms resumes from.
    LastEventIds = "Last-Event-ID",
        "Resume each room after its cursor of this id; wins over `since`. A browser's `EventSource` sends it by \
         itself. One of another list of rooms, or one that can't be read, is answered with a `reset` event for each.",
        ObjectBuilder::new().schema_type(Type::String).max_length(Some(1_024)).examples(["12,7,0~k3fq"]);
    /// The versions that a request is for.
    IfMatch = "If-Match",
        "`ETag`s of this resource: the request is carried out only if it is at one of them, `*`: only if it is there; \
         else `412`. What a proxy has made of a tag by compressing (`W/`, `-gzip`, `-br`, `-zstd`) still matches.",
        ObjectBuilder::new().schema_type(Type::String);
    /// The versions that a change is not for.
    UnlessMatch = "If-None-Match",
        "`ETag`s of this resource: the request is carried out only if it is at none of them, `*`: only if it is not \
         there; else `412`.",
        ObjectBuilder::new().schema_type(Type::String);
    /// The versions that the client has already.
    IfNoneMatch = "If-None-Match", "`ETag`s of this resource: if it is at one of them, the answer is `304`.",
        ObjectBuilder::new().schema_type(Type::String);
}
