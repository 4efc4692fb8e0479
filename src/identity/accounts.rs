//! Accounts that this server keeps: registration, signing in, and what a user does to the own account.

use std::{net::IpAddr, sync::Arc, time::Duration};

use tokio::time::Instant;

mod invitations;

use super::{
    authenticator::Authenticator,
    failures::Failures,
    network::{Network, shown},
    not_proven::NotProven,
    password::{Busy, Password, Passwords},
    secret::{Secret, SecretKind},
};
use crate::{
    clock::Clock,
    config::Accounts as Mode,
    domain::{
        account::SESSION_IDLE,
        actor::Credential,
        bounds::TooMany,
        invalid::Invalid,
        name::{UserKey, Username},
        new_name,
        timestamp::Timestamp,
        user::{Origin, User, UserKind},
    },
    store::{
        Store,
        error::StoreError,
        identity::{IdentityError, IdentityWriter, NewSession, NewUser, Registration, StoredSession},
    },
};

/// The most characters of what a browser calls itself that are kept.
const AGENT_CHARS: usize = 200;

/// Keeps accounts.
#[derive(Debug)]
pub struct Accounts {
    store: Store,
    writer: Arc<IdentityWriter>,
    authenticator: Arc<Authenticator>,
    clock: Clock,
    mode: Mode,
    passwords: Passwords,
    failures: Failures,
}

/// A browser that is to be signed in.
#[derive(Debug)]
pub struct Browser {
    /// Its address; absent by a Unix socket.
    pub address: Option<IpAddr>,
    /// The browser, as it calls itself.
    pub agent: Option<String>,
    /// The session that it has so far, by its key in the database; it ends.
    pub replaces: Option<i64>,
}

/// A session that has just begun.
#[derive(Debug)]
pub struct SignedIn {
    /// The cookie.
    pub cookie: Secret,
    /// The time after which the session ends, if it has one.
    pub lasts: Option<Duration>,
}

/// The ways to sign in.
#[derive(Debug)]
pub enum SignIn<'a> {
    /// By a password.
    Password(&'a str),
    /// By a secret that an admin gave out, and a new password.
    Reset {
        /// The secret.
        secret: &'a str,
        /// The password to be set.
        new: &'a str,
    },
}

/// The reasons for refusing something about accounts.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The input breaks a rule.
    #[error("invalid input")]
    Invalid(Invalid),
    /// The server keeps no accounts, or not for everybody.
    #[error("the server keeps no accounts")]
    NotKept,
    /// The invitation is missing, spent, over, or somebody else's.
    #[error("the invitation is not good")]
    NotInvited,
    /// The name is another user's, or looks like one that is.
    #[error("the name is taken")]
    NameTaken,
    /// There is no such user with such a password, or such a secret.
    #[error("the name or the password is wrong")]
    BadCredentials,
    /// Nobody would be left who can do what admins do.
    #[error("the user is the last admin")]
    LastAdmin,
    /// There were too many failures; the time to wait.
    #[error("too many failures")]
    TooManyFailures(Duration),
    /// There are as many as there may be.
    #[error(transparent)]
    TooMany(TooMany),
    /// Too many passwords are checked at once.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// There is no such thing.
    #[error("there is no such {0}")]
    Unknown(&'static str),
    /// The token is not good.
    #[error(transparent)]
    NotProven(#[from] NotProven),
    /// The store's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

use AccountError::{BadCredentials, NameTaken, NotInvited, NotKept, Unknown};

impl Accounts {
    /// Accounts in a database, as the setting has them.
    #[must_use]
    pub fn new(
        store: Store,
        writer: Arc<IdentityWriter>,
        authenticator: Arc<Authenticator>,
        clock: Clock,
        mode: Mode,
    ) -> Self {
        let (passwords, failures) = (Passwords::default(), Failures::default());
        Self { store, writer, authenticator, clock, mode, passwords, failures }
    }

    /// Registers somebody, and signs them in.
    ///
    /// # Errors
    /// [`AccountError`]. A bad invitation comes before anything about the name: who has none learns of no name.
    pub async fn register(
        &self,
        username: &Username,
        password: &str,
        invitation: Option<&str>,
        browser: &Browser,
    ) -> Result<SignedIn, AccountError> {
        let now = self.clock.now();
        let invitation = self.invited(username.key(), invitation, now).await?;
        new_name::check(username).map_err(AccountError::Invalid)?;
        let password = Password::new("password", password).map_err(AccountError::Invalid)?;
        let password = self.passwords.hash(password, browser.address.into()).await?;
        let (session, cookie) = new_session(browser);
        let (kind, origin) = (UserKind::Person, Origin::Local);
        let user = NewUser { username: username.clone(), kind, origin, subject: None, is_admin: false };
        let new = Registration { user, password, invitation, session };
        match self.writer.register(&new, now).await {
            Ok(_) => Ok(SignedIn { cookie, lasts: None }),
            Err(IdentityError::Taken | IdentityError::Unknown | IdentityError::LastAdmin) => Err(NameTaken),
            Err(IdentityError::NotInvited) => Err(NotInvited),
            Err(error @ IdentityError::TooMany(_)) => Err(unexpected(error)),
            Err(IdentityError::Store(error)) => Err(error.into()),
        }
    }

    /// The hash of an invitation that is good for this user; absent if none is given and none is needed.
    async fn invited(
        &self,
        user: &UserKey,
        invitation: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<[u8; 32]>, AccountError> {
        match (self.mode, invitation) {
            (Mode::Off, _) => Err(NotKept),
            (Mode::Open, None) => Ok(None),
            (Mode::Invite, None) => Err(NotInvited),
            (_, Some(text)) => {
                let secret = Secret::parse(SecretKind::Invitation, text).ok_or(NotInvited)?;
                let hash = *secret.hash().as_bytes();
                let found = self.store.invitation_by_hash(&hash).await?;
                let found = found.filter(|found| !found.is_over(now) && found.is_for(user));
                found.map(|_| Some(hash)).ok_or(NotInvited)
            }
        }
    }

    /// Signs somebody in by name. A name that nobody has, and one without a password, are answered as a wrong password
    /// is, after the same time.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn sign_in(&self, user: &Username, by: SignIn<'_>, browser: &Browser) -> Result<SignedIn, AccountError> {
        if self.mode == Mode::Off {
            return Err(NotKept);
        }
        // Before it counts as a failure.
        let new = match by {
            SignIn::Password(_) => None,
            SignIn::Reset { new, .. } => Some(Password::new("new", new).map_err(AccountError::Invalid)?),
        };
        let network = Network::from(browser.address);
        self.failures.begin(user.key(), network, Instant::now()).map_err(AccountError::TooManyFailures)?;
        let signed_in = self.checked(user, by, new, browser).await;
        self.count(user, network, signed_in.as_ref().err());
        signed_in
    }

    /// Signs in whoever can, by the same work for a name that nobody has.
    async fn checked(
        &self,
        user: &Username,
        by: SignIn<'_>,
        new: Option<Password>,
        browser: &Browser,
    ) -> Result<SignedIn, AccountError> {
        let network = Network::from(browser.address);
        let found = self.store.user(user.key()).await?.filter(|found| found.disabled_at.is_none());
        // Nobody has the key 0, and the database is asked all the same.
        let id = found.map_or(0, |found| found.id);
        let (session, cookie) = new_session(browser);
        match by {
            SignIn::Password(typed) => {
                let hash = self.store.password_of(id).await?;
                if !self.passwords.is_right(Password::typed(typed), hash, network).await? {
                    return Err(BadCredentials);
                }
                self.writer.make_session(id, &session, self.clock.now()).await.map_err(unexpected)?;
            }
            SignIn::Reset { secret, .. } => {
                let hash = self.passwords.hash(new.ok_or(BadCredentials)?, network).await?;
                let secret = Secret::parse(SecretKind::Reset, secret).ok_or(BadCredentials)?;
                let secret = *secret.hash().as_bytes();
                let reset = self.writer.reset_password(id, &secret, &hash, &session, self.clock.now()).await;
                reset.map_err(|error| match error {
                    IdentityError::Store(error) => AccountError::Store(error),
                    _ => BadCredentials,
                })?;
            }
        }
        Ok(SignedIn { cookie, lasts: None })
    }

    /// Counts the try that was begun: it has failed, or not, or nobody could say.
    fn count(&self, user: &Username, network: Network, error: Option<&AccountError>) {
        match error {
            None => self.failures.forget(user.key(), network),
            Some(AccountError::Busy(_) | AccountError::Store(_)) => self.failures.take_back(user.key(), network),
            Some(_) => {}
        }
    }

    /// Signs in whom a token of another system stands for, for as long as the token is good, and with its rights.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn sign_in_by_token(&self, token: &str, browser: &Browser) -> Result<SignedIn, AccountError> {
        let actor = self.authenticator.token_actor(token).await?;
        let grant = actor.grant().ok_or(NotProven::Invalid("it is no token"))?;
        let Credential::Token { user, can, .. } = grant.credential else {
            return Err(NotProven::Invalid("it is no token").into());
        };
        let (mut session, cookie) = new_session(browser);
        session.expires_at = grant.expires_at;
        session.can = can.map(|can| can.words().collect::<Vec<_>>().join(","));
        if !grant.rooms.is_all() {
            let json = serde_json::to_string(&grant.rooms);
            session.rooms = Some(json.map_err(|error| StoreError::Rejected(error.to_string()))?);
        }
        let now = self.clock.now();
        self.writer.make_session(user, &session, now).await.map_err(unexpected)?;
        Ok(SignedIn { cookie, lasts: session.expires_at.map(|end| end.since(now)) })
    }

    /// At most so many sessions of a user, newest first, before one.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn sessions(
        &self,
        user: &Username,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<StoredSession>, AccountError> {
        let user = self.user(user).await?;
        Ok(self.store.sessions_of(user.id, before, limit).await?)
    }

    /// Ends a session of a user.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn end_session(&self, user: &Username, id: i64) -> Result<(), AccountError> {
        let user = self.user(user).await?;
        self.writer.end_session(user.id, id).await.map_err(|error| unknown("session", error))
    }

    /// Changes a password, and ends all other sessions of the user.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn change_password(
        &self,
        user: &Username,
        (current, new): (&str, &str),
        session: Option<i64>,
        address: Option<IpAddr>,
    ) -> Result<(), AccountError> {
        let new = Password::new("new", new).map_err(AccountError::Invalid)?;
        let network = Network::from(address);
        self.failures.begin(user.key(), network, Instant::now()).map_err(AccountError::TooManyFailures)?;
        let checked = self.has_password(user, current, network).await;
        self.count(user, network, checked.as_ref().err());
        let user = checked?;
        let hash = self.passwords.hash(new, network).await?;
        self.writer.change_password(user, &hash, session, self.clock.now()).await.map_err(unexpected)
    }

    /// The key in the database of a user whose password this is.
    async fn has_password(&self, user: &Username, current: &str, network: Network) -> Result<i64, AccountError> {
        let found = self.user(user).await?;
        let hash = self.store.password_of(found.id).await?;
        let is_right = self.passwords.is_right(Password::typed(current), hash, network).await?;
        let wrong = || AccountError::Invalid(Invalid::new("current", "is not your password"));
        is_right.then_some(found.id).ok_or_else(wrong)
    }

    /// Checks that an account may be deleted, before anything of it is.
    ///
    /// # Errors
    /// [`AccountError`]; [`AccountError::LastAdmin`] if nobody would be left who can do what admins do.
    pub async fn check_deletable(&self, user: &Username) -> Result<(), AccountError> {
        let user = self.user(user).await?;
        if self.store.is_last_admin(&user).await? { Err(AccountError::LastAdmin) } else { Ok(()) }
    }

    /// Deletes an account. Its name is never given to anybody else.
    ///
    /// # Errors
    /// [`AccountError`], as [`Accounts::check_deletable`] has it.
    pub async fn delete(&self, user: &Username) -> Result<(), AccountError> {
        let user = self.user(user).await?;
        self.writer.delete_account(user.id, self.clock.now()).await.map_err(|error| unknown("user", error))
    }

    /// Deletes sessions that nobody uses, and what is over.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn delete_ended(&self) -> Result<(), AccountError> {
        let now = self.clock.now();
        let deleted = self.writer.delete_ended(now.before(SESSION_IDLE), now).await.map_err(unexpected)?;
        if deleted > 0 {
            tracing::info!(sessions = deleted, "sessions that nobody used, or whose time is over, have ended");
        }
        Ok(())
    }

    async fn user(&self, name: &Username) -> Result<User, AccountError> {
        let found = self.store.user(name.key()).await?.filter(|user| user.origin != Origin::Deleted);
        found.ok_or(Unknown("user"))
    }
}

fn new_session(browser: &Browser) -> (NewSession, Secret) {
    let cookie = Secret::generate(SecretKind::Session);
    let session = NewSession {
        hash: *cookie.hash().as_bytes(),
        rooms: None,
        can: None,
        expires_at: None,
        agent: browser.agent.as_ref().map(|agent| agent.chars().take(AGENT_CHARS).collect()),
        address: shown(browser.address),
        replaces: browser.replaces,
    };
    (session, cookie)
}

fn unknown(thing: &'static str, error: IdentityError) -> AccountError {
    match error {
        IdentityError::Unknown => Unknown(thing),
        IdentityError::LastAdmin => AccountError::LastAdmin,
        error => unexpected(error),
    }
}

/// An error of a change that nothing but the store, or a bound, can refuse.
fn unexpected(error: IdentityError) -> AccountError {
    match error {
        IdentityError::Store(error) => error.into(),
        IdentityError::TooMany(bound) => AccountError::TooMany(bound),
        error => StoreError::Rejected(error.to_string()).into(),
    }
}
