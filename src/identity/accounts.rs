//! Accounts that this server keeps: registration, signing in, and what a user does to the own account.

use std::{net::IpAddr, sync::Arc, time::Duration};

use tokio::time::Instant;

mod invitations;
mod own;

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
        identity::{Basis, IdentityError, IdentityWriter, NewSession, NewUser, Registration},
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
    /// Somebody has lost a right meanwhile: it is to be checked again.
    #[error("a right was lost meanwhile")]
    Stale,
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
            Err(error @ (IdentityError::TooMany(_) | IdentityError::Stale)) => Err(unexpected(error)),
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
        match by {
            SignIn::Password(typed) => {
                let network = Network::from(browser.address);
                self.failures.begin(user.key(), network, Instant::now()).map_err(AccountError::TooManyFailures)?;
                let signed_in = self.by_password(user, typed, browser).await;
                self.count(user, network, signed_in.as_ref().err());
                signed_in
            }
            // Nobody guesses such a secret, so failures don't count: whoever is kept out by those of others gets in.
            SignIn::Reset { secret, new } => self.by_reset(user, secret, new, browser).await,
        }
    }

    /// Signs in by a password, by the same work for a name that nobody has.
    async fn by_password(&self, user: &Username, typed: &str, browser: &Browser) -> Result<SignedIn, AccountError> {
        let id = self.id_of(user).await?;
        let hash = self.store.password_of(id).await?;
        if !self.passwords.is_right(Password::typed(typed), hash.clone(), browser.address.into()).await? {
            return Err(BadCredentials);
        }
        let (session, cookie) = new_session(browser);
        // It may be another one by now: to check it takes long enough for that.
        let basis = Basis::Password { user: id, hash: &hash.unwrap_or_default(), session: None };
        match self.writer.make_session(id, &session, basis, self.clock.now()).await {
            Ok(_) => Ok(SignedIn { cookie, lasts: None }),
            Err(IdentityError::Stale) => Err(BadCredentials),
            Err(error) => Err(unexpected(error)),
        }
    }

    /// Sets a new password by a secret, and signs in. Only for a secret that is good a password is hashed.
    async fn by_reset(
        &self,
        user: &Username,
        secret: &str,
        new: &str,
        browser: &Browser,
    ) -> Result<SignedIn, AccountError> {
        let new = Password::new("new", new).map_err(AccountError::Invalid)?;
        let secret = *Secret::parse(SecretKind::Reset, secret).ok_or(BadCredentials)?.hash().as_bytes();
        let id = self.id_of(user).await?;
        if !self.store.has_reset(id, &secret, self.clock.now()).await? {
            return Err(BadCredentials);
        }
        let network = Network::from(browser.address);
        let hash = self.passwords.hash(new, network).await?;
        let (session, cookie) = new_session(browser);
        match self.writer.reset_password(id, &secret, &hash, &session, self.clock.now()).await {
            Ok(_) => {
                self.failures.forget(user.key(), network);
                Ok(SignedIn { cookie, lasts: None })
            }
            Err(IdentityError::Store(error)) => Err(error.into()),
            Err(_) => Err(BadCredentials),
        }
    }

    /// The key in the database of a user who is not disabled. Nobody has the key 0, and the database can be asked for it
    /// all the same.
    async fn id_of(&self, user: &Username) -> Result<i64, AccountError> {
        let found = self.store.user(user.key()).await?.filter(|found| found.disabled_at.is_none());
        Ok(found.map_or(0, |found| found.id))
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
        let actor = self.authenticator.current(&actor).await?;
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
        let basis = Basis::Rights(grant.version);
        self.writer.make_session(user, &session, basis, now).await.map_err(unexpected)?;
        Ok(SignedIn { cookie, lasts: session.expires_at.map(|end| end.since(now)) })
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
        IdentityError::Stale => AccountError::Stale,
        error => StoreError::Rejected(error.to_string()).into(),
    }
}
