//! Users as resources: finding them, and what admins take from them.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    admission::{self, Admission},
    answer,
    caller::Caller,
    extract::{Body, Params, UserPath, name},
    fields::Whole,
    openapi::{
        answers::{OfService, OfUser},
        samples,
        texts::UsernameText,
    },
    problem::Problem,
};
use crate::{
    app::App,
    domain::{
        name::Username,
        user::{UserChange, UserView},
    },
};

/// Which users.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsersParams {
    /// The users whose names begin so; case is not compared.
    #[param(value_type = Option<String>, max_length = 100)]
    prefix: Option<String>,
    /// The users after this name.
    #[param(value_type = Option<UsernameText>)]
    after: Option<String>,
    /// The maximum number to return.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<Whole<1, 200>>,
}

/// A page of users.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserPage {
    /// The users, by name.
    users: Vec<UserView>,
    /// Goes into `after` to read on; null on the last page.
    #[schema(required)]
    next: Option<Username>,
}

/// Find users
///
/// By name. A credential for some rooms only, and on a server with `--directory off` any, finds those with whom its user
/// is a member of a room. Who is disabled is shown to admins alone. Only where credentials are required.
#[utoipa::path(
    get, path = "/users", operation_id = "list_users", tag = "identity", params(UsersParams),
    responses((status = 200, description = "a page of users", body = UserPage, example = json!(samples::users())), OfService)
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    admission: Admission,
    Params(params): Params<UsersParams>,
) -> Result<Response, Problem> {
    caller.require_known()?;
    // Nothing typed yet is the beginning of every name.
    let prefix = params.prefix.as_deref().filter(|prefix| !prefix.is_empty());
    let prefix = name("prefix", prefix, Username::parse)?;
    let after = name("after", params.after.as_deref(), Username::parse)?;
    let (hold, limit) = (admission.admit().await?, Whole::count_or(params.limit, 50));
    let (actor, has_directory) = (caller.as_named(None), app.config.identity.has_directory);
    let (users, has_more) = app.chat.users(&actor, has_directory, prefix.as_ref(), after.as_ref(), limit).await?;
    let next = users.last().filter(|_| has_more).map(|user| user.username.clone());
    Ok(admission::answer(hold, UserPage { users, next }))
}

/// The change of a user: absent fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
pub struct PatchUser {
    /// True to refuse everything of theirs, false to end that.
    disabled: Option<bool>,
    /// True to end their sessions, and to refuse the tokens that were issued before now or do not say when; API keys stay.
    sign_out: Option<bool>,
}

/// Disable a user, or sign them out
///
/// For admins. It is in force for every request that is sent after the answer; streams, sockets and polls of theirs
/// end within 2 seconds. The last admin who is not disabled can't be disabled here.
#[utoipa::path(
    patch, path = "/users/{username}", operation_id = "patch_user", tag = "identity", params(UserPath),
    request_body(content(
        (PatchUser = "application/json", example = json!({"disabled": true})),
        (PatchUser = "application/x-www-form-urlencoded", example = json!({"disabled": true})),
    )),
    responses((status = 200, description = "the user", body = UserView, example = json!(samples::user())), OfUser)
)]
pub async fn patch(
    State(app): State<Arc<App>>,
    UserPath(user): UserPath,
    caller: Caller,
    Body(body): Body<PatchUser>,
) -> Result<Response, Problem> {
    caller.require_known()?;
    let change = UserChange { disabled: body.disabled, sign_out: body.sign_out == Some(true) };
    Ok(answer(app.chat.change_user(&caller.as_named(None), &user, change).await?))
}
