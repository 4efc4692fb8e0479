//! The caller of a request, and the actor it is once the query, the body or a frame has named one.

use std::convert::Infallible;

use axum::{extract::FromRequestParts, http::request::Parts};

use crate::domain::{invalid::Invalid, message::required, name::Username, policy::Actor};

/// Whoever sent a request. In open mode nothing is known of them: they are whom they say they are.
#[derive(Debug, Clone, Copy)]
pub struct Caller;

impl Caller {
    /// The actor for what needs no name.
    #[must_use]
    pub fn as_named(self, named: Option<Username>) -> Actor {
        named.map_or_else(Actor::nameless, Actor::named)
    }

    /// The actor for what nobody does without a name.
    ///
    /// # Errors
    /// [`Invalid`] for the field `username`, when it is missing or no name.
    pub fn act_as(self, named: Option<&str>) -> Result<Actor, Invalid> {
        required("username", named).and_then(Username::parse).map(Actor::named)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self)
    }
}
