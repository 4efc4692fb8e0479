//! A moment in UTC with microseconds, the precision that every supported database keeps.

use std::{fmt, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use super::invalid::Invalid;

/// Microseconds since 1970-01-01T00:00:00Z; written as RFC 3339 with six decimals and `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

/// The bounds of the years that RFC 3339 can write, in seconds since 1970.
const YEAR_0: i64 = -62_167_219_200;
const YEAR_10000: i64 = 253_402_300_800;

impl Timestamp {
    /// From microseconds since the epoch, as they stand in the database.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From a text as RFC 3339 has it, with any offset.
    ///
    /// # Errors
    /// [`Invalid`] for the field, if it is no moment of the years 0 to 9999.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, Invalid> {
        let moment = DateTime::parse_from_rfc3339(text);
        // Near its ends an offset leads out of the years that can be written.
        let moment = moment.ok().filter(|moment| (YEAR_0..YEAR_10000).contains(&moment.timestamp()));
        let moment = moment.ok_or_else(|| Invalid::new(field, "is no time, such as 2030-01-01T00:00:00Z"))?;
        Ok(Self(moment.timestamp_micros()))
    }

    /// The moment so much later.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The moment so much earlier.
    #[must_use]
    pub fn before(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The time since an earlier moment; none since a later one.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub fn micros(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = DateTime::<Utc>::from_timestamp_micros(self.0).unwrap_or_default();
        f.write_str(&moment.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl utoipa::PartialSchema for Timestamp {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("A moment in UTC with microseconds (RFC 3339)."))
            .examples(["2026-11-24T07:00:00.123456Z"])
            .into()
    }
}

impl utoipa::ToSchema for Timestamp {}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn is_read_with_any_offset_within_the_years_that_can_be_written() {
        let read = |text| Timestamp::parse("until", text).map(|read| read.to_string());
        assert_eq!(read("2030-01-01T02:00:00+02:00").unwrap(), "2030-01-01T00:00:00.000000Z");
        assert_eq!(read("9999-12-31T23:59:59Z").unwrap(), "9999-12-31T23:59:59.000000Z");
        for bad in [
            "",
            "tomorrow",
            "2030-01-01",
            "2030-01-01T00:00:00",
            "9999-12-31T23:59:59-14:00",
            "0000-01-01T00:00:00+01:00",
        ] {
            assert_eq!(read(bad).unwrap_err().field, "until", "{bad}");
        }
    }

    #[test]
    fn is_written_with_six_decimals() {
        assert_eq!(Timestamp::from_micros(1_700_000_000_000_000).to_string(), "2023-11-14T22:13:20.000000Z");
        assert_eq!(Timestamp::from_micros(1_700_000_000_000_001).to_string(), "2023-11-14T22:13:20.000001Z");
    }
}
