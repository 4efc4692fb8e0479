//! Schemas of texts whose rules a type can't say, for the document.
//!
//! Named by `value_type` and never by `schema_with`, which would lose the field's description and that it is
//! required.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

use crate::domain::{
    room::{MAX_TITLE_CHARS, MAX_TOPIC_CHARS},
    search::MAX_QUERY_CHARS,
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
    /// What to look for.
    QueryText = |text| text.min_length(Some(1)).max_length(Some(MAX_QUERY_CHARS))
        .pattern(Some(format!("[^{UNSEEN_CLASS}]"))).examples(["hello"]);
    /// A room's title, to be set.
    TitleText = |text| room_text(text, MAX_TITLE_CHARS).examples(["Everything else"]);
    /// A room's topic, to be set.
    TopicText = |text| room_text(text, MAX_TOPIC_CHARS).examples(["What has no room of its own"]);
}

/// Empty, or with something that shows.
fn room_text(text: ObjectBuilder, most: usize) -> ObjectBuilder {
    let pattern = format!(r"^([^\u0000]*[^{UNSEEN_CLASS}][^\u0000]*)?$");
    text.max_length(Some(most)).pattern(Some(pattern))
}
