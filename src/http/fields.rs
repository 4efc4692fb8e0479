//! The named values of a query, a form, a JSON object or a frame, read into what an operation takes. Whatever
//! can't be taken is told in words for people who don't know the language this is written in.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

mod reading;
mod whole;

use super::problem::FieldError;
use reading::{Names, ReadFields, Wrong};
pub use whole::Whole;

/// The most different letters of two names of which one is taken for a slip of the other.
const MAX_SLIPS: usize = 2;
/// The most characters of an unknown name that are repeated to its sender.
const MAX_SHOWN: usize = 40;

/// One value, as it came.
#[derive(Debug, Clone)]
pub enum Given {
    /// Of a JSON object: it says what it is.
    Json(Value),
    /// Of a JSON object too, but nothing here can hold it: a number out of all range, half a character, too many
    /// brackets within each other.
    Unusable,
    /// Of a form: text, whatever it stands for; an empty one stands for nothing.
    Form(String),
    /// Of a query: text, whatever it stands for.
    Query(String),
}

/// Values by name, in the order they came.
#[derive(Debug, Clone, Default)]
pub struct Fields(Vec<(String, Given)>);

impl Fields {
    /// The fields of a query.
    #[must_use]
    pub fn of_query(query: &[u8]) -> Self {
        Self::decoded(query, Given::Query)
    }

    /// The fields of a form.
    #[must_use]
    pub fn of_form(form: &[u8]) -> Self {
        Self::decoded(form, Given::Form)
    }

    fn decoded(text: &[u8], given: fn(String) -> Given) -> Self {
        let pairs = url::form_urlencoded::parse(text);
        Self(pairs.map(|(name, value)| (name.into_owned(), given(value.into_owned()))).collect())
    }

    /// The names, in the order they came.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The text of a field; none if it is absent, or no text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.iter().find(|(one, _)| one == name)? {
            (_, Given::Form(text)) if text.is_empty() => None,
            (_, Given::Json(Value::String(text)) | Given::Form(text) | Given::Query(text)) => Some(text),
            (_, Given::Json(_) | Given::Unusable) => None,
        }
    }

    /// Returns true if the field has a value, whatever it is.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        let is_given = |given: &Given| !matches!(given, Given::Json(Value::Null)) && !given.is_empty_of_form();
        self.0.iter().any(|(one, given)| one == name && is_given(given))
    }

    /// Takes a field out: all its values, of which there should be one at most.
    pub fn take(&mut self, name: &str) -> Vec<Given> {
        self.0.extract_if(.., |(one, _)| one == name).map(|(_, given)| given).collect()
    }

    /// Gives a field a value; what it had before is dropped.
    pub fn set(&mut self, name: &str, given: Given) {
        self.0.retain(|(one, _)| one != name);
        self.0.push((name.to_owned(), given));
    }

    /// The input these fields make.
    ///
    /// # Errors
    /// Every field that it does not have, or else every one whose value is not of the kind it has to be.
    pub fn read_exactly<T: DeserializeOwned>(self) -> Result<T, Vec<FieldError>> {
        let known = names::<T>();
        let strange: Vec<_> =
            self.names().filter(|name| !known.contains(name)).map(|name| unknown(name, known)).collect();
        if strange.is_empty() { self.read() } else { Err(strange) }
    }

    /// The input these fields make; those that it does not have are passed over.
    ///
    /// # Errors
    /// Every field whose value is not of the kind it has to be.
    pub fn read<T: DeserializeOwned>(mut self) -> Result<T, Vec<FieldError>> {
        let mut wrong: Vec<FieldError> = Vec::new();
        let known = names::<T>();
        self.0.retain(|(name, _)| known.contains(&name.as_str()));
        loop {
            // Without those that are wrong already, so that all are found.
            let fields = self.0.iter().filter(|(name, _)| !wrong.iter().any(|error| error.field == *name));
            let mut read = ReadFields { rest: fields.cloned().collect::<Vec<_>>().into_iter(), current: None };
            match T::deserialize(&mut read) {
                Ok(value) if wrong.is_empty() => return Ok(value),
                Ok(_) => return Err(wrong),
                Err(Wrong(detail)) => {
                    let (field, _) = read.current.unwrap_or_else(|| ("body".to_owned(), Given::Json(Value::Null)));
                    let is_new = !wrong.iter().any(|error| error.field == field);
                    wrong.push(FieldError { field, detail });
                    if !is_new {
                        return Err(wrong);
                    }
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Entries::deserialize(deserializer).map(Self::from)
    }
}

/// The names and values of a JSON object as they were sent, with names that are given twice kept:
/// [`Fields::read`] finds them, and the names and values that can't be used as well.
#[derive(Debug)]
pub struct Entries(Vec<(String, Box<RawValue>)>);

impl Entries {
    /// The values of a name, in the order they came.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &RawValue> {
        self.0.iter().filter(move |(one, _)| one == name).map(|(_, value)| &**value)
    }
}

impl From<Entries> for Fields {
    fn from(Entries(entries): Entries) -> Self {
        let given = |value: &RawValue| serde_json::from_str(value.get()).map_or(Given::Unusable, Given::Json);
        Self(entries.into_iter().map(|(name, value)| (name, given(&value))).collect())
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some((name, value)) = map.next_entry::<Box<RawValue>, _>()? {
                    // A name that is no text, such as half a character, stays as it was sent: no field is called so.
                    let text = serde_json::from_str(name.get());
                    entries.push((text.unwrap_or_else(|_| name.get().trim_matches('"').to_owned()), value));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// The names of the fields that an input has, as the derived code knows them.
#[must_use]
pub fn names<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names = Names(&[]);
    // Always an error: the names are all that is wanted.
    let _ = T::deserialize(&mut names);
    names.0
}

/// The known name that another is a slip of: the same except for case and `_`, or within two letters of it.
#[must_use]
pub fn meant<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |name: &str| name.replace(['_', '-'], "").to_lowercase();
    let slips = |one: &str| {
        if plain(one) == plain(name) {
            return Some(0);
        }
        let slips = strsim::osa_distance(one, name);
        // Of a short name some letter has to be left, or every other short one would be a slip of it.
        (slips <= MAX_SLIPS && slips < one.chars().count().min(name.chars().count())).then_some(slips)
    };
    known.iter().filter_map(|one| Some((slips(one)?, *one))).min().map(|(_, one)| one)
}

/// The error message for a text that is not JSON.
#[must_use]
pub fn not_json(error: &serde_json::Error) -> String {
    if error.is_eof() {
        "is not JSON: it ends too early".to_owned()
    } else {
        format!("is not JSON from line {}, column {} on", error.line(), error.column())
    }
}

/// The error for a field that the input does not have.
#[must_use]
pub fn unknown(name: &str, known: &[&str]) -> FieldError {
    let detail = match (meant(name, known), known) {
        (Some(meant), _) => format!("no such field; did you mean `{meant}`?"),
        (None, []) => "no such field; nothing is taken here".to_owned(),
        (None, [.., last]) => {
            let others = known[..known.len() - 1].iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
            let and = if others.is_empty() { "" } else { " and " };
            format!("no such field; there is {others}{and}`{last}`")
        }
    };
    FieldError { field: shown(name), detail }
}

/// A name as it is repeated to its sender: not more than its beginning.
#[must_use]
pub fn shown(name: &str) -> String {
    let mut shown: String = name.chars().take(MAX_SHOWN).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only what is wrong with it is looked at")]
    struct Input {
        content: Option<String>,
        reply_to: Option<i64>,
        limit: Option<u64>,
        #[serde(rename = "on")]
        is_on: Option<bool>,
    }

    fn wrong(fields: Fields) -> Vec<(String, String)> {
        let wrong = fields.read::<Input>().map(|_| ()).unwrap_err();
        wrong.into_iter().map(|error| (error.field, error.detail)).collect()
    }

    #[test]
    fn the_names_are_those_of_the_derived_code() {
        assert_eq!(names::<Input>(), ["content", "reply_to", "limit", "on"]);
        assert!(names::<()>().is_empty());
    }

    #[test]
    fn every_value_of_the_wrong_kind_is_named_in_plain_words() {
        let json = r#"{"content": 5, "reply_to": "7", "limit": -1, "on": "true"}"#;
        let expected = [
            ("content", "has to be text in quotes"),
            ("reply_to", "has to be without quotes: it is a whole number of at most 9223372036854775807"),
            ("limit", "has to be a whole number of 0 or more"),
            ("on", "has to be true or false, without quotes"),
        ];
        assert_eq!(wrong(serde_json::from_str(json).unwrap()), expected.map(|(f, d)| (f.to_owned(), d.to_owned())));
        let query = b"reply_to=99999999999999999999&limit=x&on=maybe&content=a";
        let fields: Vec<_> = wrong(Fields::of_query(query)).into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["reply_to", "limit", "on"]);
        let too_large = wrong(Fields::of_query(b"reply_to=99999999999999999999&limit=99999999999999999999"));
        let expected = ["9223372036854775807", "18446744073709551615"].map(|most| format!("has to be at most {most}"));
        assert_eq!(too_large.into_iter().map(|(_, detail)| detail).collect::<Vec<_>>(), expected);
        assert_eq!(wrong(Fields::of_query(b"limit=1&limit=2"))[0].1, "is given more than once");
        assert_eq!(wrong(serde_json::from_str(r#"{"on": true, "on": true}"#).unwrap())[0].1, "is given more than once");
    }

    #[test]
    fn what_is_empty_in_a_form_is_absent() {
        let input: Input = Fields::of_form(b"content=&reply_to=&on=").read().unwrap();
        assert!(input.content.is_none() && input.reply_to.is_none() && input.is_on.is_none());
        let input: Input = Fields::of_query(b"content=").read().unwrap();
        assert_eq!(input.content.as_deref(), Some(""));
        assert_eq!(wrong(Fields::of_query(b"reply_to=")).len(), 1);
    }

    #[test]
    fn a_slip_is_told_from_another_name() {
        let known = ["client_id", "reply_to", "limit", "q", "since"];
        for (name, expected) in [
            ("clientId", Some("client_id")),
            ("CLIENT-ID", Some("client_id")),
            ("replyTo", Some("reply_to")),
            ("limt", Some("limit")),
            ("liimtt", Some("limit")),
            ("Q", Some("q")),
            ("sicne", Some("since")),
            ("_", None),
            ("t", None),
            ("v", None),
            ("ts", None),
            ("cachebuster", None),
        ] {
            assert_eq!(meant(name, &known), expected, "{name}");
        }
        let error = unknown("clientId", &known);
        assert_eq!(
            (error.field.as_str(), error.detail.as_str()),
            ("clientId", "no such field; did you mean `client_id`?")
        );
        assert_eq!(
            unknown(" deployed", &["username", "content"]).detail,
            "no such field; there is `username` and `content`"
        );
        assert_eq!(unknown(&"é".repeat(41), &[]).field.chars().count(), 41);
    }
}
