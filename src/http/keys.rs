//! API keys as a resource: one's own, and, for admins, those of bots.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    admission::{self, Admission},
    answer,
    caller::Caller,
    extract::{IdPath, JsonBody, Params, cursor, name},
    fields::Whole,
    middleware::no_content,
    openapi::{
        answers::{OfAccount, OfInvitation, OfService},
        samples,
        texts::UsernameText,
    },
    problem::Problem,
};
use crate::{
    app::App,
    domain::{
        api_key::{KeyRequest, KeyView, LONGEST_LIFE},
        name::Username,
    },
};

const LONGEST: u64 = LONGEST_LIFE.as_secs();

/// An API key to be made.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewKey {
    /// A name to know it by: at most 100 characters.
    #[schema(value_type = String, required, max_length = 100, example = "deploy")]
    name: Option<String>,
    /// The rooms that it is for: names, and beginnings with a `*`; all if absent, none if empty.
    #[schema(nullable = false, max_items = 100, example = json!(["general", "team-*"]))]
    rooms: Option<Vec<String>>,
    /// The rights that it has, of `read`, `post`, `moderate` and `admin`; all that the user has if absent.
    #[schema(nullable = false, example = json!(["read", "post"]))]
    can: Option<Vec<String>>,
    /// The seconds that it is good for; until it is deleted, if absent.
    #[schema(value_type = Option<u64>, nullable = false, minimum = 1, maximum = 316_224_000, example = 31_536_000)]
    expires_in: Option<Whole<1, LONGEST>>,
    /// The bot that it signs in, which is made if there is none of this name; oneself, if absent. For admins.
    #[schema(value_type = Option<UsernameText>, nullable = false)]
    bot: Option<String>,
}

/// An API key that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeKey {
    /// The key's entry.
    #[serde(flatten)]
    shown: KeyView,
    /// The key, which is shown this once.
    #[schema(example = "plr_0000000000000000000000000000000000000000000")]
    key: String,
}

/// Make an API key
///
/// For a program that acts in one's own name, or, with `bot`, as a bot. The key is shown this once. Who has signed in with a
/// password makes keys; admins make those of bots with an API key, too, if nothing narrows that one.
#[utoipa::path(
    post, path = "/keys", operation_id = "make_key", tag = "accounts",
    request_body(content = NewKey, example = json!(samples::new_key())),
    responses((status = 201, description = "made", body = MadeKey, example = json!(samples::made_key())), OfInvitation)
)]
pub async fn make(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(body): JsonBody<NewKey>,
) -> Result<Response, Problem> {
    caller.require_known()?;
    let lifetime = body.expires_in.map(|seconds| Duration::from_secs(Whole::or(Some(seconds), 0)));
    let request = KeyRequest {
        name: body.name.as_deref(),
        rooms: body.rooms.as_deref(),
        can: body.can.as_deref(),
        lifetime,
        bot: body.bot.as_deref(),
    };
    let draft = request.check()?;
    let (secret, shown) = app.chat.make_key(&caller.as_named(None), &draft).await?;
    let made = MadeKey { shown, key: secret.reveal().to_owned() };
    Ok((StatusCode::CREATED, answer(made)).into_response())
}

/// A page of keys.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct KeyParams {
    /// The keys after this one.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// The maximum number to return.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<Whole<1, 200>>,
    /// The bot whose keys are listed; one's own, if absent. For admins.
    #[param(value_type = Option<UsernameText>)]
    bot: Option<String>,
}

/// A page of API keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyPage {
    /// The keys, oldest first.
    keys: Vec<KeyView>,
    /// Goes into `after` to read on; null on the last page.
    #[schema(required)]
    next: Option<i64>,
}

/// List API keys
///
/// Without the keys themselves.
#[utoipa::path(
    get, path = "/keys", operation_id = "list_keys", tag = "accounts", params(KeyParams),
    responses((status = 200, description = "a page of keys", body = KeyPage, example = json!(samples::keys())), OfService)
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    admission: Admission,
    Params(params): Params<KeyParams>,
) -> Result<Response, Problem> {
    caller.require_known()?;
    let (hold, limit) = (admission.admit().await?, Whole::count_or(params.limit, 50));
    let after = cursor("after", params.after)?;
    let bot = name("bot", params.bot.as_deref(), Username::parse)?;
    let (keys, has_more) = app.chat.keys(&caller.as_named(None), bot.as_ref(), after, limit).await?;
    let next = keys.last().filter(|_| has_more).map(|key| key.id);
    Ok(admission::answer(hold, KeyPage { keys, next }))
}

/// Delete an API key
///
/// It is refused from the next request on, and what it reads ends.
#[utoipa::path(
    delete, path = "/keys/{id}", operation_id = "delete_key", tag = "accounts", params(IdPath),
    responses((status = 204, description = "deleted"), OfAccount)
)]
pub async fn delete(State(app): State<Arc<App>>, IdPath(id): IdPath, caller: Caller) -> Result<Response, Problem> {
    caller.require_known()?;
    app.chat.delete_key(&caller.as_named(None), id).await?;
    Ok(no_content())
}
