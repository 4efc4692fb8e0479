//! Schemas of texts whose rules a type can't say, for the document.
//!
//! Named by `value_type` and never by `schema_with`, which would lose the field's description and that it is
//! required.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema,
        schema::{SchemaType, Type},
    },
};

use crate::domain::{
    cursor::MAX_ROOMS,
    event::EventType,
    room::{MAX_TITLE_CHARS, MAX_TOPIC_CHARS},
    search::MAX_QUERY_CHARS,
    ticket::TRANSPORTS,
    transport::Transport,
    visible::UNSEEN_CLASS,
};

macro_rules! texts {
    ($($(#[$doc:meta])+ $name:ident = $build:expr;)+) => {$(
        $(#[$doc])+
        #[derive(Debug)]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let build: fn(ObjectBuilder) -> ObjectBuilder = $build;
                build(ObjectBuilder::new().schema_type(Type::String)).into()
            }
        }

        impl ToSchema for $name {}
    )+};
}

texts! {
    /// A user's name in a request.
    UsernameText = |text| text.min_length(Some(1)).pattern(Some(username_pattern())).examples(["Alice"])
        .description(Some("The name of a user: 1 to 100 characters once trimmed and in NFC, with at least one that \
            shows, and no invisible, control, private-use or unassigned one except for the joiners that a script or \
            an emoji needs. Case is kept, and not compared."));
    /// The query of a search.
    QueryText = |text| text.min_length(Some(1)).max_length(Some(MAX_QUERY_CHARS))
        .pattern(Some(format!("[^{UNSEEN_CLASS}]"))).examples(["hello"]);
    /// A room's title, to be set.
    TitleText = |text| room_text(text, MAX_TITLE_CHARS).examples(["Everything else"]);
    /// A room's topic, to be set.
    TopicText = |text| room_text(text, MAX_TOPIC_CHARS).examples(["What has no room of its own"]);
    /// A frame's `ref`: a string or a number of at most 128 bytes.
    RefText = |text| text.schema_type(SchemaType::from_iter([Type::String, Type::Number])).max_length(Some(128))
        .examples(["r-1"]);
    /// The types of a filter. A text and no array, since clients differ on how they write arrays.
    TypesText = |text| {
        let words = EventType::ALL.map(EventType::as_str).join("|");
        text.pattern(Some(format!("^ *({words}) *(, *({words}) *)*$"))).examples(["chat_message,room_updated"])
    };
    /// The rooms of a stream.
    RoomsText = |text| text.pattern(Some(format!("^{ROOM}(,{ROOM}){{0,{}}}$", MAX_ROOMS - 1)))
        .examples(["general,random"]);
    /// A ticket.
    TicketText = |text| text.pattern(Some("^plt_[0-9A-Za-z]{43}$"));
    /// The transports that a ticket opens.
    TicketTransportText = |text| text.enum_values(Some(TRANSPORTS.map(Transport::word)))
        .examples([Transport::Sse.word()]);
    /// The cursors to start from, one a room.
    SinceText = |text| {
        let pair = format!("{ROOM}:[0-9]{{1,19}}");
        text.pattern(Some(format!("^{pair}(,{pair})*$"))).examples(["general:41,random:7"])
    };
}

/// A room's name, within a list.
const ROOM: &str = "[A-Za-z0-9_-]{1,100}";

/// The pattern of a name, as far as every dialect of patterns can say it: below U+10000, and not what joiners and
/// selectors stand beside. The pattern also counts, since a `maxLength` would count the white space that is trimmed.
fn username_pattern() -> String {
    let space = r"\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";
    let refused = r"\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ue000-\uf8ff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff";
    let (inner, outer) = (format!("[^{refused}]"), format!("[^{space}{refused}]"));
    format!("^[{space}]*{outer}({inner}{{0,98}}{outer})?[{space}]*$")
}

/// Empty, or with something that shows.
fn room_text(text: ObjectBuilder, most: usize) -> ObjectBuilder {
    let pattern = format!(r"^([^\u0000]*[^{UNSEEN_CLASS}][^\u0000]*)?$");
    text.max_length(Some(most)).pattern(Some(pattern))
}
