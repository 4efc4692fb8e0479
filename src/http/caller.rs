//! The caller of a request, and the actor it is once the query, the body or a frame has named one.

use std::{convert::Infallible, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};

use super::same_site;
use crate::{
    app::App,
    domain::{invalid::Invalid, message::required, name::Username, policy::Actor},
};

/// Whoever sent a request. In open mode nothing is known of them: they are whom they say they are.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// True if a page of another site has a browser ask, as an `<img>` does.
    is_from_elsewhere: bool,
}

impl Caller {
    /// The one who is present while this request reads: nobody if a page of another site sent it, since the one
    /// who is named knows nothing of it.
    #[must_use]
    pub fn present_as(self, named: Option<Username>) -> Option<Username> {
        named.filter(|_| !self.is_from_elsewhere)
    }

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

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        Ok(Self { is_from_elsewhere: same_site::is_read_from_elsewhere(&app.config, parts) })
    }
}
