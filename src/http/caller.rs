//! The caller of a request: who its credential says it is, and the actor it becomes once the query, the body or a frame
//! has named one.

use std::{borrow::Cow, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Method, header, request::Parts},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

mod ticket;

use super::{
    cookie, operations,
    problem::{Code, Problem, not_here},
    same_site,
};
use crate::{
    app::App,
    chat::{NotProven, Secret, SecretKind},
    domain::{
        invalid::Invalid,
        message::required,
        meter::Meter,
        name::Username,
        policy::{Act, Actor},
    },
};

/// Parameters of a query in which clients of other servers send credentials. Here they would stand in logs of proxies.
const CREDENTIALS: [&str; 7] = ["access_token", "api_key", "apikey", "authorization", "jwt", "password", "token"];

/// Whoever sent a request. In open mode nothing is known of them: they are whom they say they are.
#[derive(Debug, Clone)]
pub struct Caller {
    /// True if a page of another site has a browser ask, as an `<img>` does.
    is_from_elsewhere: bool,
    /// Without a name in open mode.
    actor: Actor,
}

impl Caller {
    /// The one who is present while this request reads: nobody if a page of another site sent it, since the one
    /// who is named knows nothing of it.
    #[must_use]
    pub fn present_as(&self, named: Option<Username>) -> Option<Username> {
        named.filter(|_| !self.is_from_elsewhere)
    }

    /// The actor for what needs no name.
    #[must_use]
    pub fn as_named(&self, named: Option<Username>) -> Actor {
        self.actor.clone().naming(named)
    }

    /// The actor for what nobody does without a name.
    ///
    /// # Errors
    /// [`Invalid`] for the field `username`, when it is missing or no name.
    pub fn act_as(&self, named: Option<&str>) -> Result<Actor, Invalid> {
        match named {
            None if self.is_known() => Ok(self.actor.clone()),
            named => required("username", named).and_then(Username::parse).map(|named| self.as_named(Some(named))),
        }
    }

    /// The same by the credential that has followed the request's, if one has.
    #[must_use]
    pub fn followed_by(&self, actor: Option<Actor>) -> Self {
        let actor = actor.map(|actor| actor.metered_like(&self.actor));
        Self { actor: actor.unwrap_or_else(|| self.actor.clone()), ..*self }
    }

    /// Returns true if the credential says who it is, or that it is nobody; false in open mode.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.actor.grant().is_some()
    }

    /// Checks that the server requires credentials: what only then is there is not there in open mode.
    ///
    /// # Errors
    /// `404`, as for a path at which nothing is.
    pub fn require_known(&self) -> Result<(), Problem> {
        if self.is_known() { Ok(()) } else { Err(not_here()) }
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let is_from_elsewhere = same_site::is_read_from_elsewhere(&app.config, parts);
        let actor = match &app.authenticator {
            None => Actor::nameless(),
            // The middleware has asked before anything else of the request was looked at.
            Some(_) => parts.extensions.get::<Actor>().cloned().ok_or_else(|| {
                Problem::internal(format!("{} is served without asking who is there", parts.uri.path()))
            })?,
        };
        let meter = parts.extensions.get::<Arc<Meter>>().cloned();
        let actor = if let Some(meter) = meter { actor.metered(meter) } else { actor };
        Ok(Self { is_from_elsewhere, actor })
    }
}

/// The actor of a request's credential, where one is required; absent for paths that are everybody's. `path` is that of
/// the route, or of the request if there is no route for it.
///
/// # Errors
/// `401` without a credential that is good, `403` for one in a browser's hands that a page of another site may have
/// had it send, `400` for one in the URL, tickets aside. Of a ticket beside the header nothing is asked: it stays good.
pub async fn identify(app: &App, parts: &Parts, path: &str) -> Result<Option<Actor>, Problem> {
    let Some(authenticator) = &app.authenticator else { return Ok(None) };
    if !operations::is_of_the_api(path) {
        return Ok(None);
    }
    let act = operations::act(&parts.method, path);
    refuse_in_url(parts)?;
    if act.is_some_and(Act::begins_session) {
        // Or a page elsewhere could sign somebody in as somebody else.
        return if same_site::is_of_this_server(&app.config, parts) {
            Ok(Some(authenticator.guest()))
        } else {
            Err(cross_site(&parts.headers))
        };
    }
    // A header, a ticket, a cookie: the first that is there decides.
    let ticket = ticket::presented(parts, path)?;
    if let Some(ticket) = ticket.filter(|_| !parts.headers.contains_key(header::AUTHORIZATION)) {
        let actor = authenticator.actor_of_ticket(&ticket.text, ticket.transport, &ticket.rooms).await;
        return actor.map(Some).map_err(ticket_refused);
    }
    let Some(credential) = presented(app, &parts.headers)? else {
        let actor = authenticator.guest();
        // Who extends a stream may bring the credential in the body.
        let is_for_guests = |act: Act| {
            let is_asked_by_all = matches!(act, Act::SeeOneself | Act::ExtendStream);
            is_asked_by_all || (app.config.identity.has_guests && act.is_for_guests())
        };
        let may = act.is_some_and(is_for_guests);
        return if may { Ok(Some(actor)) } else { Err(Problem::unauthenticated()) };
    };
    let changes = !matches!(parts.method, Method::GET | Method::HEAD) || parts.headers.contains_key(header::UPGRADE);
    let is_from_here = || match (changes, act.is_some_and(Act::is_about_accounts)) {
        (true, true) => same_site::is_of_this_server(&app.config, parts),
        (true, false) => same_site::is_from_own_page(&app.config, parts),
        // A page that may read the answer says its origin; others can't read it.
        (false, true) => {
            !parts.headers.contains_key(header::ORIGIN) || same_site::is_of_this_server(&app.config, parts)
        }
        (false, false) => true,
    };
    if credential.source != Source::Bearer && !is_from_here() {
        return Err(cross_site(&parts.headers));
    }
    authenticator.actor(&credential.text).await.map(Some).map_err(Problem::from)
}

/// The refusal of what a browser sends by itself, if nothing says that a page of this server had it do so.
fn cross_site(headers: &HeaderMap) -> Problem {
    if let Some(origin) = headers.get(header::ORIGIN) {
        let origin = String::from_utf8_lossy(origin.as_bytes());
        let detail =
            format!("Only a page of this server may do this with a cookie or Basic; this one is from {origin}.");
        return Problem::new(Code::CrossSite, detail);
    }
    let detail = "A browser sends a cookie and Basic by itself: pages say where they are from (Origin or Sec-Fetch-Site), \
                  and programs send a key as `Authorization: Bearer …`.";
    Problem::new(Code::CrossSite, detail)
}

/// The answer to a ticket that is not taken: it says no more than that, whatever the reason.
fn ticket_refused(error: NotProven) -> Problem {
    if matches!(error, NotProven::Store(_)) {
        return error.into();
    }
    tracing::info!(why = %error, "a ticket is refused");
    Problem::new(Code::TicketInvalid, "This ticket is spent, too old, or for another room or transport.")
}

/// A credential as it came.
struct Presented {
    text: String,
    source: Source,
}

/// The places of a request that have a credential. A browser sends all but the first with any request to this server,
/// whichever page makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Bearer,
    Basic,
    Cookie,
}

/// The credential of a request: that of the header `Authorization`, or else the cookie.
fn presented(app: &App, headers: &HeaderMap) -> Result<Option<Presented>, Problem> {
    if let Some(credential) = authorization(headers)? {
        return Ok(Some(credential));
    }
    let cookie = cookie::presented(&app.config, headers);
    // Another cookie of that name is none of this server's.
    let text = cookie.filter(|text| !text.is_empty());
    match text {
        Some(text) if Secret::parse(SecretKind::Session, &text).is_none() => {
            Err(Problem::new(Code::InvalidToken, "The cookie is no session of this server."))
        }
        text => Ok(text.map(|text| Presented { text, source: Source::Cookie })),
    }
}

/// The credential of the header `Authorization`, if there is one.
fn authorization(headers: &HeaderMap) -> Result<Option<Presented>, Problem> {
    let invalid = |detail: &str| Problem::new(Code::InvalidToken, detail);
    let mut values = headers.get_all(header::AUTHORIZATION).into_iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return if headers.contains_key(header::AUTHORIZATION) {
            Err(invalid("The header Authorization is there twice."))
        } else {
            Ok(None)
        };
    };
    let (scheme, text) = value.to_str().ok().and_then(|value| value.trim().split_once(' ')).unwrap_or_default();
    let text = text.trim();
    // Other secrets of this server have places of their own.
    let is_for_elsewhere = SecretKind::is_one(text) && !text.starts_with(SecretKind::ApiKey.prefix());
    if scheme.eq_ignore_ascii_case("bearer") && !text.is_empty() && !is_for_elsewhere {
        return Ok(Some(Presented { text: text.to_owned(), source: Source::Bearer }));
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let password = decoded.as_deref().and_then(|pair| pair.split_once(':')).map(|(_, password)| password);
        return match password {
            Some(key) if key.starts_with("plr_") => Ok(Some(Presented { text: key.to_owned(), source: Source::Basic })),
            _ => Err(invalid("Basic takes an API key as the password.")),
        };
    }
    Err(invalid("The header Authorization is `Bearer` and an API key or a token."))
}

/// Returns true for what begins like a secret of this server, or looks like a token.
fn is_secret(text: &str) -> bool {
    SecretKind::is_one(text) || (text.starts_with("eyJ") && text.split('.').count() == 3)
}

/// Returns true if one of the words of a text is a secret, or most of one: a room may be called as one begins.
fn has_secret(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"_-.".contains(c));
    words.any(|word| word.len() >= 24 && is_secret(word))
}

/// A URL stands in logs, histories and headers: what is a secret doesn't belong there.
fn refuse_in_url(parts: &Parts) -> Result<(), Problem> {
    let query = parts.uri.query().unwrap_or_default();
    let is_credential = |(name, value): (Cow<'_, str>, Cow<'_, str>)| {
        let is_ticket = name == ticket::TICKET && value.starts_with(SecretKind::Ticket.prefix());
        let is_named = CREDENTIALS.contains(&name.to_ascii_lowercase().as_str());
        is_named || has_secret(&name) || ((is_secret(&value) || has_secret(&value)) && !is_ticket)
    };
    let path = percent_encoding::percent_decode_str(parts.uri.path()).decode_utf8_lossy();
    if has_secret(&path) || url::form_urlencoded::parse(query.as_bytes()).any(is_credential) {
        let detail = "A credential doesn't belong into a URL, which logs keep: send it as `Authorization: Bearer …`, \
                      and replace this one.";
        return Err(Problem::new(Code::BadQuery, detail));
    }
    Ok(())
}
