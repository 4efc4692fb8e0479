//! Invalid input, field by field.

/// One field and what is wrong with it, in words for the person who sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The name of the field as the client wrote it.
    pub field: &'static str,
    /// The error, and what would be right.
    pub detail: String,
}

impl Invalid {
    /// An invalid `field`, because of `detail`.
    pub fn new(field: &'static str, detail: impl Into<String>) -> Self {
        Self { field, detail: detail.into() }
    }
}

/// Collects every invalid field of an input, so that the client learns of all of them at once.
#[derive(Debug, Default)]
pub struct Check(Vec<Invalid>);

impl Check {
    /// Takes the value, or notes what is wrong with it.
    pub fn take<T>(&mut self, result: Result<T, Invalid>) -> Option<T> {
        result.map_err(|invalid| self.0.push(invalid)).ok()
    }

    /// Takes the value, or notes everything that is wrong with it.
    pub fn take_all<T>(&mut self, result: Result<T, Vec<Invalid>>) -> Option<T> {
        result.map_err(|invalid| self.0.extend(invalid)).ok()
    }

    /// The values if all of them were taken.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn finish<T>(self, values: Option<T>) -> Result<T, Vec<Invalid>> {
        match values {
            Some(values) if self.0.is_empty() => Ok(values),
            _ => Err(self.0),
        }
    }
}
