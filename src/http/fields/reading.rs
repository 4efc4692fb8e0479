//! Deserializing the fields of an input, with an error in words for each.

use std::{
    fmt::{self, Display},
    num::IntErrorKind,
    str::FromStr,
};

use serde::{
    Deserializer,
    de::{self, DeserializeSeed, IntoDeserializer, MapAccess, Unexpected, Visitor, value::SeqDeserializer},
    forward_to_deserialize_any,
};
use serde_json::Value;

use super::Given;

/// The error of a value, in words for its sender.
#[derive(Debug)]
pub struct Wrong(pub(super) String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

impl de::Error for Wrong {
    /// For what an input's own code says.
    fn custom<T: fmt::Display>(detail: T) -> Self {
        Self(detail.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Self("is not of the kind it has to be".into())
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Self("is not a value it can have".into())
    }

    fn missing_field(_: &'static str) -> Self {
        Self("is required".into())
    }

    fn duplicate_field(_: &'static str) -> Self {
        Self("is given more than once".into())
    }
}

/// Gives an input its fields, and keeps the one that is being read.
pub(super) struct ReadFields {
    pub(super) rest: std::vec::IntoIter<(String, Given)>,
    pub(super) current: Option<(String, Given)>,
}

impl<'de> Deserializer<'de> for &mut ReadFields {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_map(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for ReadFields {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Wrong> {
        self.current = self.rest.next();
        let name = self.current.as_ref().map(|(name, _)| name.as_str());
        name.map(|name| seed.deserialize(name.into_deserializer())).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Wrong> {
        let (_, given) = self.current.clone().unwrap_or_else(|| (String::new(), Given::Json(Value::Null)));
        seed.deserialize(given)
    }
}

impl Given {
    pub(super) fn is_empty_of_form(&self) -> bool {
        matches!(self, Self::Form(text) if text.is_empty())
    }

    fn whole_number<N>(self, limits: &str, most: &N) -> Result<N, Wrong>
    where
        N: Display + FromStr<Err = std::num::ParseIntError>,
    {
        let wrong = |kind: &str| Wrong(format!("{kind} {limits}"));
        let text = match self {
            Self::Json(Value::Number(number)) => number.to_string(),
            Self::Json(Value::String(text)) if text.parse::<N>().is_ok() => {
                return Err(wrong("has to be without quotes: it is a whole number"));
            }
            Self::Json(_) | Self::Unusable => return Err(wrong("has to be a whole number")),
            Self::Form(text) | Self::Query(text) => text,
        };
        text.parse().map_err(|error: std::num::ParseIntError| match error.kind() {
            IntErrorKind::PosOverflow => Wrong(format!("has to be at most {most}")),
            _ => wrong("has to be a whole number"),
        })
    }
}

const SIGNED: &str = "of at most 9223372036854775807";
const UNSIGNED: &str = "of 0 or more";
const UNUSABLE: &str = "has to be text in quotes, of whole characters";

impl<'de> Deserializer<'de> for Given {
    type Error = Wrong;

    /// For what names no kind of its own.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self {
            Self::Json(value) => {
                value.deserialize_any(visitor).map_err(|_| Wrong("is not of the kind it has to be".into()))
            }
            Self::Unusable => Err(Wrong(UNUSABLE.into())),
            Self::Form(text) | Self::Query(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let is_absent = self.is_empty_of_form() || matches!(self, Self::Json(Value::Null));
        if is_absent { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_i64(self.whole_number(SIGNED, &i64::MAX)?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_u64(self.whole_number(UNSIGNED, &u64::MAX)?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let is_on = match &self {
            Self::Json(Value::Bool(is_on)) => Some(*is_on),
            Self::Form(text) | Self::Query(text) => text.parse().ok(),
            Self::Json(_) | Self::Unusable => None,
        };
        let quoted = matches!(&self, Self::Json(Value::String(_)));
        let detail = if quoted { "has to be true or false, without quotes" } else { "has to be true or false" };
        visitor.visit_bool(is_on.ok_or_else(|| Wrong(detail.into()))?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self {
            Self::Json(Value::String(text)) | Self::Form(text) | Self::Query(text) => visitor.visit_string(text),
            Self::Json(_) => Err(Wrong("has to be text in quotes".into())),
            Self::Unusable => Err(Wrong(UNUSABLE.into())),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_string(visitor)
    }

    /// A list of texts; in a form, which has no lists, separated by commas.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let wrong = || Wrong("has to be a list of texts".into());
        match self {
            Self::Json(value @ Value::Array(_)) => value.deserialize_seq(visitor).map_err(|_| wrong()),
            Self::Form(text) | Self::Query(text) => {
                visitor.visit_seq(SeqDeserializer::new(text.split(',').map(str::to_owned)))
            }
            Self::Json(_) | Self::Unusable => Err(wrong()),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

/// Learns the names of an input's fields.
pub(super) struct Names(pub(super) &'static [&'static str]);

impl<'de> Deserializer<'de> for &mut Names {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Wrong> {
        Err(Wrong("only its names are wanted".into()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.0 = fields;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
