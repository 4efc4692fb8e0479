//! The policy: which acts there are, and who may do each.
//!
//! Pure, and below both `chat`, which asks it before work is queued, and `journal`, which asks it again under the
//! room's lock, where the answer counts.

use std::time::Duration;

use super::name::{UserKey, Username};

/// The actor: the user of a request, as far as the server knows.
#[derive(Debug, Clone, Default)]
pub struct Actor {
    user: Option<Username>,
}

impl Actor {
    /// Somebody who goes by a name.
    #[must_use]
    pub fn named(user: Username) -> Self {
        Self { user: Some(user) }
    }

    /// Somebody who gave no name.
    #[must_use]
    pub fn nameless() -> Self {
        Self::default()
    }

    /// The user, if there is a name.
    #[must_use]
    pub fn user(&self) -> Option<&Username> {
        self.user.as_ref()
    }

    /// The user, for what nobody does without a name.
    ///
    /// # Errors
    /// [`Denied::Nameless`] without a name.
    pub fn name(&self) -> Result<&Username, Denied> {
        self.user.as_ref().ok_or(Denied::Nameless)
    }
}

/// Something that can be done. Reading and changing, without the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named after the operation it stands for")]
pub enum Act {
    ListRooms,
    ReadRoom,
    PutRoom,
    Post,
    Edit,
    Delete,
    React,
    MarkRead,
    Type,
    Attend,
}

impl Act {
    /// Every act.
    pub const ALL: [Self; 10] = [
        Self::ListRooms,
        Self::ReadRoom,
        Self::PutRoom,
        Self::Post,
        Self::Edit,
        Self::Delete,
        Self::React,
        Self::MarkRead,
        Self::Type,
        Self::Attend,
    ];

    /// The rule for it. This is the policy's table: an act without a row does not compile.
    #[must_use]
    pub const fn rule(self) -> Rule {
        match self {
            Self::ListRooms | Self::ReadRoom | Self::PutRoom => Rule::Anybody,
            Self::Post | Self::React | Self::MarkRead | Self::Type | Self::Attend => Rule::Named,
            Self::Edit => Rule::AuthorWithinWindow,
            Self::Delete => Rule::Author,
        }
    }
}

/// The rules that acts have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Everybody, also without a name.
    Anybody,
    /// Everybody who has a name.
    Named,
    /// The author of the message.
    Author,
    /// The author of the message, while the edit window is open.
    AuthorWithinWindow,
}

/// The circumstances of an act: what the policy has to know of its object.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standing<'a> {
    /// The author of the message that the act is about.
    pub author: Option<&'a UserKey>,
    /// The time since it was posted.
    pub age: Duration,
    /// The time after its posting in which a message may be edited; without a limit, if absent.
    pub window: Option<Duration>,
}

/// The reasons why an actor may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The act needs a name.
    #[error("nobody may do this without a name")]
    Nameless,
    /// The message is somebody else's.
    #[error("only the author may do this")]
    NotTheAuthor,
    /// The message is too old to be edited.
    #[error("the time to edit it is over")]
    WindowOver,
}

/// Decides whether an actor may do something.
///
/// # Errors
/// [`Denied`] with the first rule that forbids it.
pub fn may(actor: &Actor, act: Act, at: &Standing<'_>) -> Result<(), Denied> {
    let rule = act.rule();
    if rule == Rule::Anybody {
        return Ok(());
    }
    let user = actor.name()?;
    if rule == Rule::Named {
        return Ok(());
    }
    if at.author != Some(user.key()) {
        return Err(Denied::NotTheAuthor);
    }
    if rule == Rule::AuthorWithinWindow && at.window.is_some_and(|window| at.age > window) {
        return Err(Denied::WindowOver);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_act_is_allowed_to_those_its_rule_names() {
        let user = |name: &str| Username::parse(name).unwrap();
        let (alice, bob, nameless) = (Actor::named(user("Alice")), Actor::named(user("Bob")), Actor::nameless());
        let author = user("ALICE");
        let minutes = |age| Duration::from_mins(age);
        let at = |age| Standing { author: Some(author.key()), age: minutes(age), window: Some(minutes(15)) };
        for act in Act::ALL {
            let (by_nobody, by_other, late) = match act.rule() {
                Rule::Anybody => (Ok(()), Ok(()), Ok(())),
                Rule::Named => (Err(Denied::Nameless), Ok(()), Ok(())),
                Rule::Author => (Err(Denied::Nameless), Err(Denied::NotTheAuthor), Ok(())),
                Rule::AuthorWithinWindow => (Err(Denied::Nameless), Err(Denied::NotTheAuthor), Err(Denied::WindowOver)),
            };
            assert_eq!(may(&nameless, act, &at(0)), by_nobody, "{act:?}");
            assert_eq!(may(&bob, act, &at(0)), by_other, "{act:?}");
            assert_eq!(may(&alice, act, &at(15)), Ok(()), "{act:?}: names are compared folded");
            assert_eq!(may(&alice, act, &at(16)), late, "{act:?}");
            let for_ever = Standing { window: None, ..at(1_000_000) };
            assert_eq!(may(&alice, act, &for_ever), Ok(()), "{act:?}");
        }
    }
}
