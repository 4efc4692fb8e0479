//! Deciding how soon somebody may post again in a room that asks for a pause between two posts.

use super::{
    super::{Refused, command::Command},
    Batch,
};
use crate::domain::{name::UserKey, policy::Level, timestamp::Timestamp};

const SECOND: i64 = 1_000_000;

impl Batch {
    /// Checks that a post does not come too soon after the last one of its user, who is no moderator.
    pub(super) fn check_pause(&self, command: &Command, user: &UserKey) -> Result<(), Refused> {
        let room = &self.rooms.get(&command.room).ok_or_else(Refused::unlocked)?.room;
        let last = self.known.last_posts.get(&(room.id, user.clone()));
        match (room.access.slow_mode, last) {
            (0, _) | (_, None) => Ok(()),
            (pause, Some(last)) => {
                let wait = wait(*last, self.moment.now, pause);
                let has_waited = wait == 0 || self.level(command)? >= Level::Moderator;
                if has_waited { Ok(()) } else { Err(Refused::TooSoon { wait }) }
            }
        }
    }

    /// Notes that somebody posted now. It is written where a pause is asked for.
    pub(super) fn note_post(&mut self, command: &Command, user: &UserKey) -> Result<(), Refused> {
        let changes = self.rooms.get_mut(&command.room).ok_or_else(Refused::unlocked)?;
        if command.actor.grant().is_some() {
            self.known.last_posts.insert((changes.room.id, user.clone()), self.moment.now);
            if changes.room.access.slow_mode > 0 {
                changes.last_posts.insert(user.clone(), self.moment.now);
            }
        }
        Ok(())
    }

    /// The room asks for a pause from now on: whoever posted lately has to have waited, too.
    pub(super) fn slow_down(&mut self, command: &Command) -> Result<(), Refused> {
        let changes = self.rooms.get_mut(&command.room).ok_or_else(Refused::unlocked)?;
        let of_room = self.known.last_posts.iter().filter(|((room_id, _), _)| *room_id == changes.room.id);
        changes.last_posts.extend(of_room.map(|((_, user), at)| (user.clone(), *at)));
        Ok(())
    }
}

/// The seconds until somebody may post again, rounded up; at most the whole pause, if the clock was set back meanwhile.
fn wait(last: Timestamp, now: Timestamp, pause: u32) -> u32 {
    let waited = now.micros().saturating_sub(last.micros()).max(0);
    let left = (i64::from(pause) * SECOND - waited).max(0);
    u32::try_from((left + SECOND - 1) / SECOND).unwrap_or(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_what_is_left_of_the_pause() {
        let at = Timestamp::from_micros;
        for (now, expected) in [(0, 10), (1, 10), (SECOND, 9), (9 * SECOND + 1, 1), (10 * SECOND - 1, 1)] {
            assert_eq!(wait(at(0), at(now), 10), expected, "{now}");
        }
        for now in [10 * SECOND, i64::MAX] {
            assert_eq!(wait(at(0), at(now), 10), 0, "{now}");
        }
        assert_eq!(wait(at(500 * SECOND), at(0), 10), 10, "a clock that was set back");
    }
}
