//! Invitations and new passwords as resources, for admins.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    admission::{self, Admission},
    answer,
    caller::Caller,
    extract::{IdPath, JsonBody, Params, UserPath, cursor},
    fields::Whole,
    middleware::no_content,
    openapi::{
        answers::{OfAccount, OfInvitation, OfService},
        samples,
        texts::UsernameText,
    },
    problem::Problem,
    sessions::BeforeParams,
};
use crate::{
    app::App,
    domain::{
        account::{INVITATION_LONGEST, InvitationView, RESET_LASTS},
        name::Username,
    },
};

const LONGEST: u64 = INVITATION_LONGEST.as_secs();

/// An invitation to be made.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewInvitation {
    /// The only name that it is to register; for any, if absent. A name that was only claimed is handed over by it.
    #[schema(value_type = Option<UsernameText>)]
    username: Option<String>,
    /// The seconds that it is good for; a week, if absent.
    #[schema(value_type = Option<u64>, minimum = 60, maximum = 31_536_000, example = 604_800)]
    expires_in: Option<Whole<60, LONGEST>>,
}

/// An invitation that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeInvitation {
    /// The invitation.
    #[serde(flatten)]
    shown: InvitationView,
    /// The secret, which is shown this once.
    #[schema(example = "pli_0000000000000000000000000000000000000000000")]
    invitation: String,
}

/// Invite somebody
///
/// Good for one registration. The secret is shown this once.
#[utoipa::path(
    post, path = "/invitations", operation_id = "invite", tag = "accounts",
    request_body(content = NewInvitation, example = json!(samples::invitation())),
    responses((status = 201, description = "made", body = MadeInvitation, example = json!(samples::made_invitation())), OfInvitation)
)]
pub async fn make(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(body): JsonBody<NewInvitation>,
) -> Result<Response, Problem> {
    caller.require_known()?;
    let username = body.username.as_deref().map(Username::parse).transpose();
    let username = username.map_err(|invalid| vec![invalid])?;
    let lasts = body.expires_in.map(|seconds| Duration::from_secs(Whole::or(Some(seconds), 0)));
    let (secret, shown) = app.chat.invite(&caller.as_named(None), username.as_ref(), lasts).await?;
    let made = MadeInvitation { shown, invitation: secret.reveal().to_owned() };
    Ok((StatusCode::CREATED, answer(made)).into_response())
}

/// A page of invitations.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationPage {
    /// The invitations that nobody has used, newest first.
    invitations: Vec<InvitationView>,
    /// Goes into `before` to read on; null on the last page.
    #[schema(required)]
    next: Option<i64>,
}

/// List invitations
///
/// Those that nobody has used.
#[utoipa::path(
    get, path = "/invitations", operation_id = "list_invitations", tag = "accounts", params(BeforeParams),
    responses((status = 200, description = "a page of invitations", body = InvitationPage, example = json!(samples::invitations())), OfService)
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    admission: Admission,
    Params(params): Params<BeforeParams>,
) -> Result<Response, Problem> {
    caller.require_known()?;
    let (hold, limit) = (admission.admit().await?, Whole::count_or(params.limit, 50));
    let before = cursor("before", params.before)?;
    let (invitations, has_more) = app.chat.invitations(&caller.as_named(None), before, limit).await?;
    let next = invitations.last().filter(|_| has_more).map(|invitation| invitation.id);
    Ok(admission::answer(hold, InvitationPage { invitations, next }))
}

/// Withdraw an invitation
///
/// It registers nobody from then on.
#[utoipa::path(
    delete, path = "/invitations/{id}", operation_id = "delete_invitation", tag = "accounts", params(IdPath),
    responses((status = 204, description = "withdrawn"), OfAccount)
)]
pub async fn delete(State(app): State<Arc<App>>, IdPath(id): IdPath, caller: Caller) -> Result<Response, Problem> {
    caller.require_known()?;
    app.chat.delete_invitation(&caller.as_named(None), id).await?;
    Ok(no_content())
}

/// A secret for a new password.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeReset {
    /// The secret, which is shown this once: it goes into `reset` of `POST /session`.
    #[schema(example = "plp_0000000000000000000000000000000000000000000")]
    reset: String,
    /// The seconds that it is good for.
    #[schema(example = 3600)]
    expires_in: u64,
}

/// Let a user set a new password
///
/// Makes a secret that is good once, for an hour. The password so far stays good until it is used.
#[utoipa::path(
    post, path = "/users/{username}/reset", operation_id = "reset_password", tag = "accounts", params(UserPath),
    responses((status = 201, description = "made", body = MadeReset, example = json!(samples::reset())), OfAccount)
)]
pub async fn reset(State(app): State<Arc<App>>, UserPath(user): UserPath, caller: Caller) -> Result<Response, Problem> {
    caller.require_known()?;
    let secret = app.chat.offer_reset(&caller.as_named(None), &user).await?;
    let made = MadeReset { reset: secret.reveal().to_owned(), expires_in: RESET_LASTS.as_secs() };
    Ok((StatusCode::CREATED, answer(made)).into_response())
}
