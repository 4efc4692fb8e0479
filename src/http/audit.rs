//! The audit as a resource: what moderators and admins did.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    admission::{self, Admission},
    caller::Caller,
    extract::{Params, RoomPath, cursor},
    fields::Whole,
    openapi::{
        answers::{OfRoom, OfService},
        samples,
    },
    problem::Problem,
};
use crate::{
    app::App,
    domain::{audit::AuditView, name::RoomName},
};

/// A page of the audit.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditParams {
    /// The entries before this one.
    #[param(minimum = 0)]
    before: Option<i64>,
    /// The maximum number to return.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<Whole<1, 200>>,
}

/// A page of the audit.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditPage {
    /// The entries, newest first.
    entries: Vec<AuditView>,
    /// Goes into `before` to read on; null on the last page.
    #[schema(required)]
    next: Option<i64>,
}

/// Read the audit of a room
///
/// The acts of moderators and owners there, without anybody's words. For moderators.
#[utoipa::path(
    get, path = "/rooms/{room}/audit", operation_id = "get_room_audit", tag = "members", params(RoomPath, AuditParams),
    responses((status = 200, description = "a page of entries", body = AuditPage, example = json!(samples::audit())), OfRoom)
)]
pub async fn of_room(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    caller: Caller,
    admission: Admission,
    Params(params): Params<AuditParams>,
) -> Result<Response, Problem> {
    page(&app, Some(room), &caller, admission, params).await
}

/// Read the audit of all rooms
///
/// For admins.
#[utoipa::path(
    get, path = "/audit", operation_id = "get_audit", tag = "members", params(AuditParams),
    responses((status = 200, description = "a page of entries", body = AuditPage, example = json!(samples::audit())), OfService)
)]
pub async fn of_all(
    State(app): State<Arc<App>>,
    caller: Caller,
    admission: Admission,
    Params(params): Params<AuditParams>,
) -> Result<Response, Problem> {
    page(&app, None, &caller, admission, params).await
}

async fn page(
    app: &App,
    room: Option<RoomName>,
    caller: &Caller,
    admission: Admission,
    params: AuditParams,
) -> Result<Response, Problem> {
    caller.require_known()?;
    let (hold, limit) = (admission.admit().await?, Whole::count_or(params.limit, 50));
    let before = cursor("before", params.before)?;
    let actor = caller.as_named(None);
    let (entries, has_more) = match &room {
        Some(room) => app.chat.audit(&actor, room, before, limit).await?,
        None => app.chat.audit_of_all(&actor, before, limit).await?,
    };
    let next = entries.last().filter(|_| has_more).map(|entry| entry.id);
    Ok(admission::answer(hold, AuditPage { entries, next }))
}
