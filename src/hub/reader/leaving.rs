//! The end of a reader, of all its rooms or of one, and what it is told of that.

use super::{Place, PlaceId, Reader};
use crate::{
    domain::{EventId, denied::Denied, event::EventBody, name::RoomName},
    hub::{frame::Frame, registry::CloseReason},
};

/// The end of a reader.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// The room that was left last.
    pub(super) place: PlaceId,
    pub(super) why: CloseReason,
    pub(super) is_told: bool,
}

impl Reader {
    /// Leaves a room at once; with the last one the reader ends.
    pub fn close(&mut self, place: PlaceId, why: CloseReason) {
        let was_closed = self.places[place.0].is_closed;
        self.places[place.0].close();
        if self.places.iter().all(|place| place.is_closed) {
            self.end.get_or_insert(End { place, why, is_told: false });
        } else if !was_closed && let CloseReason::Denied(why) = why {
            self.farewells.push(Frame::new(&EventBody::error(self.places[place.0].room.name(), why)).into());
        }
    }

    /// Leaves a room once everything up to an event is given, of whatever the reader still has to catch up on. What
    /// comes after it is never given, nor who is there.
    pub fn close_after(&mut self, place: PlaceId, id: EventId, why: Denied) {
        let leaving = &mut self.places[place.0];
        if !leaving.is_closed {
            leaving.leave_after(id, why);
        }
    }

    /// Takes nothing of a room that comes after an event, nor who is there, until it goes on or leaves.
    pub fn hold_after(&mut self, room: &RoomName, id: EventId) {
        if let Some(place) = self.place_in(room) {
            self.places[place.0].hold_after(id);
        }
    }

    /// Goes on in a room in which it was held after this event.
    pub fn resume_after(&mut self, room: &RoomName, id: EventId) {
        if let Some(place) = self.place_in(room) {
            self.places[place.0].resume_after(id);
        }
    }

    /// Leaves all rooms at once, for a reason that is the same for all: it is told once.
    pub fn close_all(&mut self, why: CloseReason) {
        self.places.iter_mut().for_each(Place::close);
        self.end.get_or_insert(End { place: PlaceId(0), why, is_told: false });
    }

    /// Tells which rooms were closed from the beginning, and why, in their order.
    pub fn tell_denied(&mut self, denied: impl Iterator<Item = Option<Denied>>) {
        let places = self.places.iter().zip(denied);
        let told =
            places.filter_map(|(place, why)| Some(Frame::new(&EventBody::error(place.room.name(), why?)).into()));
        self.farewells.extend(told);
    }

    /// The place in a room; absent if the reader does not read it.
    #[must_use]
    pub fn place_in(&self, room: &RoomName) -> Option<PlaceId> {
        self.places.iter().position(|place| place.room.name() == room).map(PlaceId)
    }

    pub(super) fn farewell(&self, place: PlaceId, why: CloseReason) -> Frame {
        match why {
            CloseReason::Denied(why) => Frame::new(&EventBody::error(self.places[place.0].room.name(), why)),
            CloseReason::Shutdown => {
                let reconnect_after_ms = rand::random_range(1_000..=3_000);
                Frame::new(&EventBody::ServerShutdown { room: self.places[0].room.name(), reconnect_after_ms })
            }
        }
    }
}
