//! The unions that `type` tells apart: events and frames, each a component of its own.

use serde::Deserialize;
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{
        Components, OneOfBuilder, Ref, RefOr, Schema,
        schema::{Discriminator, OneOf},
    },
};

use super::{
    samples,
    texts::{RefText, UsernameText},
};
use crate::domain::EventId;

/// The frames that a client may send on a socket: one JSON object per text frame.
// Only described here. Frames are read by hand in `stream/client_frame.rs`, which can name the field
// that is wrong and give back the `ref` of a frame it does not take.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = ClientFrame)]
#[expect(dead_code, reason = "its fields are only described")]
pub(super) enum ClientFrame {
    /// The user is here; without it, the first frame with a `username` says so.
    UserJoin {
        /// The user.
        #[schema(value_type = UsernameText)]
        username: String,
        /// Comes back in the answer.
        #[serde(rename = "ref")]
        #[schema(value_type = Option<RefText>, nullable = false)]
        reference: Option<Value>,
    },
    /// Post a message.
    ChatMessage {
        /// The user; absent: the first name that this socket gave, or `Anonymous`.
        #[schema(value_type = Option<UsernameText>, nullable = false)]
        username: Option<String>,
        /// The content.
        #[schema(value_type = crate::domain::content::Content, required)]
        message: String,
        /// A key of the client's own: with the same one, the same message is never posted twice.
        #[schema(pattern = "^[ -~]{1,64}$")]
        client_id: Option<String>,
        /// The message of the room that this one answers.
        #[schema(value_type = Option<i64>, minimum = 1)]
        reply_to: Option<EventId>,
        /// Comes back in the answer; without it a message that is taken is not answered.
        #[serde(rename = "ref")]
        #[schema(value_type = Option<RefText>, nullable = false)]
        reference: Option<Value>,
    },
    /// Typing, on or off.
    Typing {
        /// The user; absent: the first name that this socket gave, or `Anonymous`.
        #[schema(value_type = Option<UsernameText>, nullable = false)]
        username: Option<String>,
        /// True if the user types.
        is_typing: bool,
        /// Comes back in the answer.
        #[serde(rename = "ref")]
        #[schema(value_type = Option<RefText>, nullable = false)]
        reference: Option<Value>,
    },
    /// Have a message say something else; only its author may.
    EditMessage {
        /// The user; absent: the first name that this socket gave, or `Anonymous`.
        #[schema(value_type = Option<UsernameText>, nullable = false)]
        username: Option<String>,
        /// Which message.
        #[schema(value_type = i64, minimum = 1)]
        message_id: EventId,
        /// The new content.
        #[schema(value_type = crate::domain::content::Content, required)]
        new_content: String,
        /// Comes back in the answer.
        #[serde(rename = "ref")]
        #[schema(value_type = Option<RefText>, nullable = false)]
        reference: Option<Value>,
    },
    /// Delete a message; only its author may.
    DeleteMessage {
        /// The user; absent: the first name that this socket gave, or `Anonymous`.
        #[schema(value_type = Option<UsernameText>, nullable = false)]
        username: Option<String>,
        /// Which message.
        #[schema(value_type = i64, minimum = 1)]
        message_id: EventId,
        /// Comes back in the answer.
        #[serde(rename = "ref")]
        #[schema(value_type = Option<RefText>, nullable = false)]
        reference: Option<Value>,
    },
    /// React to a message, or take the reaction back.
    React {
        /// The user; absent: the first name that this socket gave, or `Anonymous`.
        #[schema(value_type = Option<UsernameText>, nullable = false)]
        username: Option<String>,
        /// Which message.
        #[schema(value_type = i64, minimum = 1)]
        message_id: EventId,
        /// One emoji, or `:shortcode:`.
        #[schema(min_length = 1, max_length = 64)]
        emoji: String,
        /// True to add it, false to take it back.
        on: bool,
        /// Comes back in the answer.
        #[serde(rename = "ref")]
        #[schema(value_type = Option<RefText>, nullable = false)]
        reference: Option<Value>,
    },
    /// Say how far the user has read.
    Read {
        /// The user; absent: the first name that this socket gave, or `Anonymous`.
        #[schema(value_type = Option<UsernameText>, nullable = false)]
        username: Option<String>,
        /// Up to where: every message with this id or a lower one is read; 0 is before the first.
        #[schema(value_type = i64, minimum = 0)]
        last_read_id: EventId,
        /// Comes back in the answer.
        #[serde(rename = "ref")]
        #[schema(value_type = Option<RefText>, nullable = false)]
        reference: Option<Value>,
    },
}

/// Gives every event and every frame a name, and says that `type` tells them apart.
pub(super) fn name_members(components: &mut Components) {
    let events = split(components, "Event", "Event", &samples::events());
    split(components, "ClientFrame", "Frame", &samples::client_frames());
    let answers = split(components, "SocketAnswer", "Frame", &samples::answers());
    components.schemas.remove("SocketAnswer");
    // An error is of a room or of a frame: on a socket one schema is for both, since `type` can't tell them apart.
    let events = events.into_iter().filter(|(word, _)| answers.iter().all(|(other, _)| other != word));
    let frames: Vec<_> = events.collect::<Vec<_>>().into_iter().chain(answers).collect();
    let description = "What the server sends on a socket: one JSON object per text frame.";
    components.schemas.insert("ServerFrame".into(), union(&frames, Some(description.into())));
}

/// Makes each member of a union a component, `MessageHistoryEvent` for the `type` `message_history`,
/// and the union one of references. Gives back the members' types and names.
fn split(components: &mut Components, name: &str, suffix: &str, samples: &[Value]) -> Vec<(String, String)> {
    let Some(RefOr::T(Schema::OneOf(OneOf { items, description, .. }))) = components.schemas.remove(name) else {
        return Vec::new();
    };
    let mut members = Vec::new();
    for item in items {
        let RefOr::T(Schema::Object(mut object)) = item else { continue };
        let Some(word) = object.properties.get("type").and_then(only_word) else { continue };
        object.examples = samples.iter().filter(|sample| sample["type"] == *word).cloned().collect();
        let component = format!("{}{suffix}", camel_case(&word));
        components.schemas.insert(component.clone(), Schema::Object(object).into());
        members.push((word, component));
    }
    components.schemas.insert(name.into(), union(&members, description));
    members
}

/// The one value that a `type` may have.
fn only_word(property: &RefOr<Schema>) -> Option<String> {
    match property {
        RefOr::T(Schema::Object(object)) => Some(object.enum_values.as_ref()?.first()?.as_str()?.to_owned()),
        _ => None,
    }
}

fn union(members: &[(String, String)], description: Option<String>) -> RefOr<Schema> {
    let reference = |component: &str| Ref::from_schema_name(component);
    let mapping = members.iter().map(|(word, component)| (word.clone(), reference(component).ref_location));
    let union = members.iter().fold(OneOfBuilder::new(), |union, (_, component)| union.item(reference(component)));
    let discriminator = Discriminator::with_mapping("type", mapping);
    Schema::OneOf(union.description(description).discriminator(Some(discriminator)).build()).into()
}

fn camel_case(word: &str) -> String {
    let capital = |part: &str| part[..1].to_ascii_uppercase() + &part[1..];
    word.split('_').filter(|part| !part.is_empty()).map(capital).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::{super::super::document, *};
    use crate::http::stream::client_frame;

    fn fields(value: &Value) -> BTreeSet<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    /// The samples are what the code writes, so this holds the schemas to the code.
    #[test]
    fn every_event_and_frame_has_a_schema_with_just_its_fields() {
        let document = serde_json::to_value(document()).unwrap();
        let schemas = &document["components"]["schemas"];
        let all = [
            ("Event", samples::events()),
            ("ServerFrame", samples::answers()),
            ("ClientFrame", samples::client_frames()),
        ];
        for (union, samples) in all {
            for sample in samples {
                let place = &schemas[union]["discriminator"]["mapping"][sample["type"].as_str().unwrap()];
                let member = document.pointer(place.as_str().unwrap().trim_start_matches('#')).unwrap();
                assert_eq!(member["examples"][0], sample);
                let required: BTreeSet<_> =
                    member["required"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
                assert!(required.is_subset(&fields(&sample)), "{sample} lacks one of {required:?}");
                assert!(fields(&sample).is_subset(&fields(&member["properties"])), "{sample} has more than {member}");
            }
            let union = &schemas[union];
            assert_eq!(union["oneOf"].as_array().unwrap().len(), fields(&union["discriminator"]["mapping"]).len());
        }
    }

    #[test]
    fn a_client_may_send_what_is_described() {
        for sample in samples::client_frames() {
            client_frame::ClientFrame::parse(&sample.to_string()).unwrap();
            serde_json::from_value::<ClientFrame>(sample).unwrap();
        }
    }

    #[test]
    fn events_md_shows_every_event_as_it_is_sent() {
        let page = include_str!("../../../openapi/events.md");
        let blocks = page.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        let shown: Vec<Value> = blocks.map(|block| serde_json::from_str(block).expect(block)).collect();
        let sent = [samples::events(), samples::answers(), samples::client_frames()].concat();
        assert_eq!(shown, sent, "one sample of each, in this order");
    }
}
