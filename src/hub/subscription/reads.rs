//! What a reader takes from the store: what it begins with, and what it missed.

use super::{
    super::{
        Hub,
        frame::Frame,
        room::{Room, TAKE_BYTES},
    },
    Start,
};
use crate::{
    domain::{
        EventId,
        event::{EventBody, ResetReason, TypeSet},
        room::FloorReason,
    },
    store::error::StoreError,
};

/// What the store gave a reader that was behind the ring.
#[derive(Debug)]
pub(super) struct Catch {
    /// The events, encoded.
    pub frames: Vec<Frame>,
    /// Up to where they are complete.
    pub through: EventId,
    /// The messages that they show; absent if that may be any.
    pub shows: Option<Vec<EventId>>,
    /// How many deletions there had been before it was read.
    pub deletions: u64,
}

impl Catch {
    /// Nothing: the reader stays where it is.
    pub(super) fn nothing(at: EventId) -> Self {
        Self { frames: Vec::new(), through: at, shows: Some(Vec::new()), deletions: 0 }
    }

    /// Whether it shows a message that may have been deleted since.
    pub(super) fn is_outdated(&self, room: &Room) -> bool {
        match &self.shows {
            Some(shows) => room.may_have_deleted(shows, self.deletions),
            None => room.deletions() > self.deletions,
        }
    }
}

/// The first events of a reader, and its cursor after them.
pub(super) async fn begin(
    hub: &Hub,
    room: &Room,
    start: Start,
    history: usize,
) -> Result<(Vec<Frame>, EventId), StoreError> {
    let reason = match start {
        Start::History => {
            let (frame, cursor) = room.history(&hub.store, history).await?;
            return Ok((vec![frame], cursor));
        }
        Start::Reset(reason) => reason,
        Start::After(cursor) => {
            let (floor, reason) = room.floor();
            if cursor < floor {
                reason.into()
            } else if cursor <= room.head() {
                return Ok((Vec::new(), cursor));
            } else {
                // Memory may lag; only the database knows what is ahead of the log.
                let (head, floor, reason) = room.reload(&hub.store).await?;
                if cursor < floor {
                    reason.into()
                } else if cursor <= head {
                    return Ok((Vec::new(), cursor));
                } else {
                    ResetReason::Ahead
                }
            }
        }
    };
    reset(hub, room, reason, history).await
}

/// Tells a reader to start anew, and gives it what to start from.
async fn reset(
    hub: &Hub,
    room: &Room,
    reason: ResetReason,
    history: usize,
) -> Result<(Vec<Frame>, EventId), StoreError> {
    let (frame, cursor) = room.history(&hub.store, history).await?;
    let (floor, _) = room.floor();
    let reset = Frame::new(&EventBody::Reset { room: room.name(), reason, floor, head: cursor });
    Ok((vec![reset, frame], cursor))
}

/// One page of the log after a cursor that the ring no longer reaches back to.
pub(super) async fn catch_up(
    hub: &Hub,
    room: &Room,
    after: EventId,
    types: TypeSet,
    limit: u64,
    history: usize,
) -> Result<Catch, StoreError> {
    // Many readers that come back together take turns, so that the rest of the server gets its
    // share of the database and of memory.
    let _turn = hub.catch_ups.acquire().await;
    let deletions = room.deletions();
    let page = hub.store.log_after(room.name(), after, types, limit).await?;
    if let Some(stored) = &page.room
        && after < stored.floor
    {
        let (frames, through) = reset(hub, room, stored.floor_reason.into(), history).await?;
        return Ok(Catch { frames, through, shows: None, deletions });
    }
    let mut catch = Catch { deletions, ..Catch::nothing(page.through) };
    let mut shows = Vec::with_capacity(page.events.len());
    let (mut bytes, mut told) = (0, after);
    for event in &page.events {
        let frame = Frame::new(&event.into());
        bytes += frame.len();
        if bytes > TAKE_BYTES && !catch.frames.is_empty() {
            catch.through = told;
            break;
        }
        told = event.id();
        shows.extend(event.message().map(|message| message.id));
        catch.frames.push(frame);
    }
    catch.shows = Some(shows);
    Ok(catch)
}

impl From<FloorReason> for ResetReason {
    fn from(reason: FloorReason) -> Self {
        match reason {
            FloorReason::Pruned => Self::Pruned,
            FloorReason::Restored => Self::Restored,
        }
    }
}
