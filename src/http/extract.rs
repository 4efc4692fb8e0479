//! Extractors: the parts of a request that a handler takes, with every refusal a problem document.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Body as HttpBody,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, HeaderName, header, request::Parts},
};
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt;
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::time::timeout;

pub(super) mod path;

pub use path::{IdPath, MemberPath, MessagePath, ReactionPath, RoomPath, StreamPath, UserPath};

use super::{
    caller::Caller,
    fields::{Fields, Given, meant, names, not_json, shown, unknown},
    problem::{Code, FieldError, Problem},
};
use crate::{
    app::App,
    domain::{EventId, invalid::Invalid, name::Username, policy::Actor},
};

/// The most bytes of a request's body.
pub const MAX_BODY: usize = 64 * 1024;
/// The number of bytes of a body that is too large that are still read, so that its sender gets to read the answer.
const DRAINED_BODY: usize = 1024 * 1024;

/// The parameters of the query.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let query = query(parts, names::<T>())?;
        query.read().map(Self).map_err(Problem::bad_params)
    }
}

/// The parameters of the query, where operations share groups of them.
#[derive(Debug)]
pub struct SplitParams<A, B, C = ()>(pub A, pub B, pub C);

impl<A, B, C, S> FromRequestParts<S> for SplitParams<A, B, C>
where
    A: DeserializeOwned,
    B: DeserializeOwned,
    C: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let query = query(parts, &[names::<A>(), names::<B>(), names::<C>()].concat())?;
        let first = query.clone().read().map_err(Problem::bad_params)?;
        let second = query.clone().read().map_err(Problem::bad_params)?;
        Ok(Self(first, second, query.read().map_err(Problem::bad_params)?))
    }
}

/// Parameters that no operation knows: they are passed over, since a proxy or a cache-buster may add its own.
static UNKNOWN_PARAMS: AtomicU64 = AtomicU64::new(0);

/// The number of parameters that were passed over since the start, because the operation did not know them.
#[must_use]
pub fn unknown_params() -> u64 {
    UNKNOWN_PARAMS.load(Ordering::Relaxed)
}

/// The query's fields, unless one is a slip of a known name.
fn query(parts: &Parts, known: &[&str]) -> Result<Fields, Problem> {
    let query = parts.uri.query().unwrap_or_default();
    if !is_utf8_once_decoded(query.as_bytes()) {
        return Err(Problem::new(Code::BadQuery, "The query is not UTF-8."));
    }
    let fields = Fields::of_query(query.as_bytes());
    let unknown_names = || fields.names().filter(|name| !known.contains(name));
    let slips: Vec<_> =
        unknown_names().filter(|name| meant(name, known).is_some()).map(|name| unknown(name, known)).collect();
    if !slips.is_empty() {
        return Err(Problem::bad_params(slips));
    }
    let count = unknown_names().count() as u64;
    if count > 0 {
        let total = UNKNOWN_PARAMS.fetch_add(count, Ordering::Relaxed) + count;
        tracing::debug!(count, total, "unknown parameters of a query are passed over");
    }
    Ok(fields)
}

/// A cursor of the query.
///
/// # Errors
/// A problem that names the parameter.
pub fn cursor(field: &str, value: Option<EventId>) -> Result<Option<EventId>, Problem> {
    match value {
        Some(id) if id < 0 => Err(Problem::bad_query(field, "has to be 0 or an id")),
        value => Ok(value),
    }
}

/// A name of the query, by the rule for such names.
///
/// # Errors
/// A problem that names the parameter.
pub fn name<T>(
    field: &str,
    value: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, Invalid>,
) -> Result<Option<T>, Problem> {
    value.map(parse).transpose().map_err(|invalid| Problem::bad_query(field, invalid.detail))
}

/// A username of the query.
///
/// # Errors
/// A problem that names the parameter.
pub fn username(value: Option<&str>) -> Result<Option<Username>, Problem> {
    name(USERNAME, value, Username::parse)
}

/// The actor whom the query names.
///
/// # Errors
/// A problem that names the parameter.
pub fn acting(caller: &Caller, value: Option<&str>) -> Result<Actor, Problem> {
    let named = username(value)?;
    if named.is_none() && !caller.is_known() {
        return Err(Problem::bad_query("username", "is required: the name of the user who does this"));
    }
    Ok(caller.as_named(named))
}

/// The body, as JSON or as a form. Who acts may stand in the query instead.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let known = names::<T>();
        let acts = known.contains(&USERNAME);
        let query = query(&parts, if acts { &[USERNAME] } else { &[] })?;
        let read = || read_body(body, app.config.timings.body_timeout);
        let is_only_actor = known == [USERNAME];
        let mut fields = body_fields(&parts.headers, read, !is_only_actor).await?;
        if is_only_actor && let Some(Err(invalid)) = fields.text(USERNAME).map(Username::parse) {
            return Err(Problem::invalid(vec![invalid.into()]));
        }
        if acts {
            take_username(&mut fields, &query)?;
        }
        fields.read_exactly().map(Self).map_err(Problem::invalid)
    }
}

/// The body, as JSON alone: a form is what any page can have a browser send. Nothing of it may stand in the query.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if content_type(&parts.headers).as_deref() != Some("application/json") {
            let detail = "Only JSON is taken here: send it with the header `Content-Type: application/json`.";
            return Err(Problem::new(Code::UnsupportedMediaType, detail));
        }
        let read = || read_body(body, app.config.timings.body_timeout);
        let fields = body_fields(&parts.headers, read, true).await?;
        fields.read_exactly().map(Self).map_err(Problem::invalid)
    }
}

/// The field that says who acts.
const USERNAME: &str = "username";

/// Takes who acts from the query, if the body leaves it out.
fn take_username(body: &mut Fields, query: &Fields) -> Result<(), Problem> {
    let Some(asked) = username(query.text(USERNAME))? else { return Ok(()) };
    if !body.has(USERNAME) {
        body.set(USERNAME, Given::Query(asked.as_str().to_owned()));
        return Ok(());
    }
    let is_other = |text| Username::parse(text).is_ok_and(|said| said.key() != asked.key());
    if body.text(USERNAME).is_some_and(is_other) {
        let detail = "is another one in the query: give it once";
        return Err(Problem::invalid(vec![FieldError { field: USERNAME.into(), detail: detail.into() }]));
    }
    Ok(())
}

/// The body's fields; `is_needed` unless all of them may stand elsewhere.
async fn body_fields<B: Future<Output = Result<Bytes, Problem>>>(
    headers: &HeaderMap,
    read: impl FnOnce() -> B,
    is_needed: bool,
) -> Result<Fields, Problem> {
    let is_coded = |name: HeaderName, plain: &[u8]| {
        let mut codings = headers.get_all(name).into_iter();
        codings.any(|coding| !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(plain))
    };
    if is_coded(header::TRANSFER_ENCODING, b"chunked") {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "A compressed body is not taken: the only Transfer-Encoding that is read is chunked.",
        ));
    }
    if is_coded(header::CONTENT_ENCODING, b"identity") {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "A compressed body is not taken: send it as it is, without the header Content-Encoding.",
        ));
    }
    let kind = content_type(headers);
    let refuse = |detail: String| Err(Problem::new(Code::UnsupportedMediaType, detail));
    let read_as = match kind.as_deref() {
        Some("application/json") => from_json,
        Some("application/x-www-form-urlencoded") => from_form,
        Some(other) if is_needed => {
            return refuse(format!(
                "A body of the type {other} is not taken. Send JSON with the header `Content-Type: application/json`, or \
                 a form with `Content-Type: application/x-www-form-urlencoded`."
            ));
        }
        _ => from_untyped,
    };
    let body = read().await?;
    // Nothing at all, as of `curl -X PUT`, or what some clients write for it: no field is given.
    let is_absent = match body.trim_ascii() {
        b"" if kind.is_none() => body.is_empty(),
        b"" | b"null" => !is_needed,
        _ => false,
    };
    if is_absent { Ok(Fields::default()) } else { read_as(&body) }
}

/// JSON is unmistakable, and RFC 9110, 8.3 lets a server look. Pages of other sites are refused by their `Origin`,
/// whatever the type.
fn from_untyped(body: &[u8]) -> Result<Fields, Problem> {
    if body.trim_ascii_start().starts_with(b"{") {
        return from_json(body);
    }
    let detail = "The body's type is not taken: say `Content-Type: application/json` or, of a form, \
                  `Content-Type: application/x-www-form-urlencoded`.";
    Err(Problem::new(Code::UnsupportedMediaType, detail))
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

async fn read_body(body: HttpBody, time: Duration) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Code::TooLarge, format!("A body has at most {MAX_BODY} bytes."));
    timeout(time, collect(body))
        .await
        .map_err(|_| Problem::new(Code::Timeout, "The body did not come in time."))?
        .ok_or_else(too_large)?
}

/// The body's bytes; `None` when there are too many.
async fn collect(mut body: HttpBody) -> Option<Result<Bytes, Problem>> {
    // Said beforehand to be more than would be read anyway.
    if body.size_hint().lower() > DRAINED_BODY as u64 {
        return None;
    }
    let mut bytes = BytesMut::new();
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Some(Err(Problem::new(Code::BadRequest, "The body ends before it is complete.")));
        };
        let Ok(data) = frame.into_data() else { continue };
        read += data.len();
        if read <= MAX_BODY {
            bytes.extend_from_slice(&data);
        } else if read > DRAINED_BODY {
            return None;
        }
    }
    (read <= MAX_BODY).then(|| Ok(bytes.freeze()))
}

fn from_json(body: &[u8]) -> Result<Fields, Problem> {
    let text = body.trim_ascii_start();
    let is_object = text.starts_with(b"{");
    let read = if is_object {
        serde_json::from_slice(body)
    } else {
        serde_json::from_slice::<IgnoredAny>(body).map(|_| Fields::default())
    };
    match read {
        Ok(fields) if is_object => Ok(fields),
        Ok(_) => Err(invalid_body("has to be a JSON object: fields in curly braces")),
        Err(error) => {
            // A form begins with the name of a field.
            let is_form =
                text.iter().take_while(|b| b.is_ascii_alphabetic() || **b == b'_').count() > 0 && text.contains(&b'=');
            let detail = if is_form {
                "The body is not JSON but looks like a form: send it with the header `Content-Type: \
                 application/x-www-form-urlencoded`."
                    .to_owned()
            } else {
                format!("The body {}.", not_json(&error))
            };
            Err(Problem::new(Code::InvalidJson, detail))
        }
    }
}

fn from_form(body: &[u8]) -> Result<Fields, Problem> {
    if body.trim_ascii_start().starts_with(b"{") {
        let detail = "looks like JSON but came as a form: send it with the header `Content-Type: application/json`";
        return Err(invalid_body(detail));
    }
    if let Some(pair) = body.split(|byte| *byte == b'&').find(|pair| !is_utf8_once_decoded(pair)) {
        let field = Fields::of_form(pair).names().next().map(shown).unwrap_or_default();
        return Err(Problem::invalid(vec![FieldError { field, detail: "is not UTF-8: forms have to be".into() }]));
    }
    Ok(Fields::of_form(body))
}

fn invalid_body(detail: &str) -> Problem {
    Problem::invalid(vec![FieldError { field: "body".into(), detail: detail.into() }])
}

/// Returns true if a form is UTF-8 once decoded: decoding would replace what is not, and texts are stored as sent or
/// not at all.
fn is_utf8_once_decoded(form: &[u8]) -> bool {
    percent_encoding::percent_decode(form).decode_utf8().is_ok()
}
