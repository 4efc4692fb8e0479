//! Members of a room as resources, with their roles, mutes and bans.

use std::sync::Arc;

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
    conditions::with_event,
    extract::{Body, MemberPath, Params, RoomPath, name},
    fields::Whole,
    openapi::{
        answers::{OfMember, OfRoom},
        samples,
        texts::UsernameText,
    },
    problem::Problem,
};
use crate::{
    app::App,
    domain::{
        invalid::Check,
        membership::{BanView, Member, Role},
        message::required,
        name::Username,
        timestamp::Timestamp,
    },
};

/// A page of something that users have in a room.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// The users after this name.
    #[param(value_type = Option<UsernameText>)]
    after: Option<String>,
    /// The maximum number to return.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<Whole<1, 200>>,
}

/// A page of members.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberPage {
    /// The members, by name.
    members: Vec<Member>,
    /// Goes into `after` to read on; null on the last page.
    #[schema(required)]
    next: Option<Username>,
}

/// A page of bans.
#[derive(Debug, Serialize, ToSchema)]
pub struct BanPage {
    /// The bans, by name.
    bans: Vec<BanView>,
    /// Goes into `after` to read on; null on the last page.
    #[schema(required)]
    next: Option<Username>,
}

/// List the members of a room
///
/// By name. In a public room others read and post as well.
#[utoipa::path(
    get, path = "/rooms/{room}/members", operation_id = "list_members", tag = "members", params(RoomPath, PageParams),
    responses((status = 200, description = "a page of members", body = MemberPage, example = json!(samples::members())), OfRoom)
)]
pub async fn list(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    caller: Caller,
    admission: Admission,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    caller.require_known()?;
    let after = name("after", params.after.as_deref(), Username::parse)?;
    let (hold, limit) = (admission.admit().await?, Whole::count_or(params.limit, 50));
    let (found, has_more) = app.chat.members(&caller.as_named(None), &room, after.as_ref(), limit).await?;
    let next = found.last().filter(|_| has_more).map(|member| member.username.clone());
    let members = found.into_iter().map(Member::from).collect();
    Ok(admission::answer(hold, MemberPage { members, next }))
}

/// List the bans from a room
///
/// Those that last, by name.
#[utoipa::path(
    get, path = "/rooms/{room}/bans", operation_id = "list_bans", tag = "members", params(RoomPath, PageParams),
    responses((status = 200, description = "a page of bans", body = BanPage, example = json!(samples::bans())), OfRoom)
)]
pub async fn bans(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    caller: Caller,
    admission: Admission,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    caller.require_known()?;
    let after = name("after", params.after.as_deref(), Username::parse)?;
    let (hold, limit) = (admission.admit().await?, Whole::count_or(params.limit, 50));
    let (found, has_more) = app.chat.bans(&caller.as_named(None), &room, after.as_ref(), limit).await?;
    let next = found.last().filter(|_| has_more).map(|membership| membership.username.clone());
    let bans = found.into_iter().filter_map(BanView::of).collect();
    Ok(admission::answer(hold, BanPage { bans, next }))
}

/// The role to give.
#[derive(Debug, Deserialize, ToSchema)]
pub struct PutMember {
    /// The role.
    #[schema(value_type = Role, required)]
    role: Option<String>,
}

/// Add a member, or change a role
///
/// Moderators add, and change, those below them; owners everybody. A `member_joined` or `member_changed` event.
#[utoipa::path(
    put, path = "/rooms/{room}/members/{username}", operation_id = "put_member", tag = "members", params(MemberPath),
    request_body(content(
        (PutMember = "application/json", example = json!({"role": "member"})),
        (PutMember = "application/x-www-form-urlencoded", example = json!({"role": "member"})),
    )),
    responses((status = 200, description = "the member", body = Member, headers(("Event-Id" = i64, description = "the event that was made; absent if nothing changed")), example = json!(samples::member())), OfMember)
)]
pub async fn put(
    State(app): State<Arc<App>>,
    MemberPath(room, user): MemberPath,
    caller: Caller,
    Body(body): Body<PutMember>,
) -> Result<Response, Problem> {
    caller.require_known()?;
    let mut check = Check::default();
    let role = check.take(required("role", body.role.as_deref()).and_then(Role::parse));
    let role = check.finish(role)?;
    let (actor, has_directory) = (caller.as_named(None), app.config.identity.has_directory);
    let put = app.chat.set_member(&actor, has_directory, &room, &user, role).await?;
    Ok(with_event(answer(Member::from(put.answer.membership)), put.event))
}

/// Remove a member, or leave
///
/// A `member_left` event. From a private room: from then on it is not there.
#[utoipa::path(
    delete, path = "/rooms/{room}/members/{username}", operation_id = "delete_member", tag = "members",
    params(MemberPath),
    responses((status = 204, description = "no member any more", headers(("Event-Id" = i64, description = "the event that was made; absent if nothing changed"))), OfMember)
)]
pub async fn remove(
    State(app): State<Arc<App>>,
    MemberPath(room, user): MemberPath,
    caller: Caller,
) -> Result<Response, Problem> {
    caller.require_known()?;
    let removed = app.chat.remove_member(&caller.as_named(None), &room, &user).await?;
    Ok(with_event(StatusCode::NO_CONTENT.into_response(), removed.event))
}

/// Join a public room
///
/// It is then among those that one is in; reading and posting need no joining. A `member_joined` event.
#[utoipa::path(
    post, path = "/rooms/{room}/join", operation_id = "join_room", tag = "members", params(RoomPath),
    responses((status = 200, description = "the member", body = Member, headers(("Event-Id" = i64, description = "the event that was made; absent if nothing changed")), example = json!(samples::member())), OfMember)
)]
pub async fn join(State(app): State<Arc<App>>, RoomPath(room): RoomPath, caller: Caller) -> Result<Response, Problem> {
    caller.require_known()?;
    let joined = app.chat.join_room(&caller.as_named(None), &room).await?;
    Ok(with_event(answer(Member::from(joined.answer.membership)), joined.event))
}

/// The ban to put.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct PutBan {
    /// The reason: at most 500 characters. Moderators see it.
    #[schema(max_length = 500)]
    reason: Option<String>,
    /// The time it ends; absent: for ever.
    #[schema(value_type = Option<Timestamp>)]
    until: Option<String>,
}

/// Ban somebody from a room
///
/// In force for every request after the answer; no event of theirs has a higher id than that of the ban. A
/// `member_left` event, also for somebody who is no member.
#[utoipa::path(
    put, path = "/rooms/{room}/bans/{username}", operation_id = "put_ban", tag = "members", params(MemberPath),
    request_body(content(
        (PutBan = "application/json", example = json!({"reason": "spam"})),
        (PutBan = "application/x-www-form-urlencoded", example = json!({"reason": "spam"})),
    )),
    responses((status = 200, description = "the ban", body = BanView, headers(("Event-Id" = i64, description = "the event that was made; absent if nothing changed")), example = json!(samples::ban())), OfMember)
)]
pub async fn ban(
    State(app): State<Arc<App>>,
    MemberPath(room, user): MemberPath,
    caller: Caller,
    Body(body): Body<PutBan>,
) -> Result<Response, Problem> {
    caller.require_known()?;
    let mut check = Check::default();
    let until = check.take(body.until.as_deref().map(|text| Timestamp::parse("until", text)).transpose());
    let until = check.finish(until)?;
    let banned = app.chat.ban(&caller.as_named(None), &room, &user, body.reason, until).await?;
    Ok(with_event(answer(BanView::of(banned.answer.membership)), banned.event))
}

/// End a ban
///
/// The user may read again what is public; of a private room they are no member.
#[utoipa::path(
    delete, path = "/rooms/{room}/bans/{username}", operation_id = "delete_ban", tag = "members", params(MemberPath),
    responses((status = 204, description = "not banned"), OfMember)
)]
pub async fn unban(
    State(app): State<Arc<App>>,
    MemberPath(room, user): MemberPath,
    caller: Caller,
) -> Result<Response, Problem> {
    caller.require_known()?;
    app.chat.unban(&caller.as_named(None), &room, &user).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The mute to put.
#[derive(Debug, Deserialize, ToSchema)]
pub struct PutMute {
    /// The time it ends.
    #[schema(value_type = Timestamp, required)]
    until: Option<String>,
}

/// Mute somebody in a room
///
/// Until then the user reads, and posts, edits, reacts and types no more.
#[utoipa::path(
    put, path = "/rooms/{room}/mutes/{username}", operation_id = "put_mute", tag = "members", params(MemberPath),
    request_body(content(
        (PutMute = "application/json", example = json!({"until": "2030-01-01T00:00:00Z"})),
        (PutMute = "application/x-www-form-urlencoded", example = json!({"until": "2030-01-01T00:00:00Z"})),
    )),
    responses((status = 200, description = "the user, muted", body = Member, example = json!(samples::member())), OfMember)
)]
pub async fn mute(
    State(app): State<Arc<App>>,
    MemberPath(room, user): MemberPath,
    caller: Caller,
    Body(body): Body<PutMute>,
) -> Result<Response, Problem> {
    caller.require_known()?;
    let mut check = Check::default();
    let until = required("until", body.until.as_deref()).and_then(|text| Timestamp::parse("until", text));
    let until = check.take(until);
    let until = check.finish(until)?;
    let muted = app.chat.mute(&caller.as_named(None), &room, &user, Some(until)).await?;
    Ok(answer(Member::from(muted.answer.membership)))
}

/// End a mute
///
/// Also of somebody who is not muted.
#[utoipa::path(
    delete, path = "/rooms/{room}/mutes/{username}", operation_id = "delete_mute", tag = "members", params(MemberPath),
    responses((status = 204, description = "not muted"), OfMember)
)]
pub async fn unmute(
    State(app): State<Arc<App>>,
    MemberPath(room, user): MemberPath,
    caller: Caller,
) -> Result<Response, Problem> {
    caller.require_known()?;
    app.chat.mute(&caller.as_named(None), &room, &user, None).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
