//! Passwords: which are taken, and their hashes, which are slow to compute by intent.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, LazyLock, Mutex, PoisonError},
    thread::available_parallelism,
};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use rand::Rng as _;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;

use super::network::Network;
use crate::domain::invalid::Invalid;

/// The fewest characters of a password.
pub const SHORTEST: usize = 10;
/// The most characters of one.
pub const LONGEST: usize = 256;
/// The most that wait for a hash from one network, beside those that are computed.
const WAITING: usize = 2;
/// The hash that a password is compared with if there is none, so that it takes as long: nobody's, with the parameters
/// of all.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The 10,000 commonest passwords of ten or more characters, in small letters: of the million in `SecLists`, as the crate
/// `passablewords` 1.0.1 has it, the first that are of ASCII.
static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("password/common.txt").lines().collect());

/// A password as somebody types it: normalised (NFC), since keyboards write the same letter in several ways (RFC 8265, 4.2).
#[derive(Clone)]
pub struct Password(String);

/// Shows nothing.
impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(***)")
    }
}

impl Password {
    /// The password that was typed, whichever it is. What is longer than any password is cut: it is none.
    #[must_use]
    pub fn typed(text: &str) -> Self {
        Self(text.nfc().take(LONGEST + 1).collect())
    }

    /// A password to be set.
    ///
    /// # Errors
    /// [`Invalid`] with the broken rule, for the field that is given.
    pub fn new(field: &'static str, text: &str) -> Result<Self, Invalid> {
        let password = Self::typed(text);
        let length = password.0.chars().count();
        if length < SHORTEST {
            return Err(Invalid::new(field, "a password has at least 10 characters"));
        }
        if length > LONGEST {
            return Err(Invalid::new(field, "a password has at most 256 characters"));
        }
        if COMMON.contains(password.0.to_lowercase().as_str()) {
            return Err(Invalid::new(field, "is one of the commonest passwords, which are tried first: take another"));
        }
        Ok(password)
    }

    /// Its hash, in the PHC format: Argon2id, 19 MiB, two passes (the first choice of OWASP's cheat sheet on storing
    /// passwords). Takes some tens of milliseconds.
    #[must_use]
    pub fn hash(&self) -> String {
        let salt: [u8; 16] = rand::rng().random();
        let hash = Argon2::default().hash_password_with_salt(self.0.as_bytes(), &salt);
        // It fails for parameters that are wrong, and these are constant. What is no hash fits no password.
        hash.map_or_else(|_| String::new(), |hash: PasswordHash| hash.to_string())
    }

    fn fits(&self, hash: &str) -> bool {
        let hash = PasswordHash::new(hash);
        hash.is_ok_and(|hash| Argon2::default().verify_password(self.0.as_bytes(), &hash).is_ok())
    }
}

/// Computes hashes of passwords, at half the cores, so that those who post have the other half.
#[derive(Debug, Clone)]
pub struct Passwords {
    free: Arc<Semaphore>,
    waiting: Arc<Mutex<HashMap<Network, usize>>>,
}

/// Too many wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are checked at once")]
pub struct Busy;

impl Default for Passwords {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, std::num::NonZero::get);
        Self { free: Arc::new(Semaphore::new((cores / 2).max(1))), waiting: Arc::default() }
    }
}

impl Passwords {
    /// The hash of a password.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn hash(&self, password: Password, from: Network) -> Result<String, Busy> {
        self.compute(from, move || password.hash()).await
    }

    /// Returns true if it is the password of that hash. Without a hash it never is, and takes as long.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn is_right(&self, password: Password, hash: Option<String>, from: Network) -> Result<bool, Busy> {
        self.compute(from, move || {
            let is_right = password.fits(hash.as_deref().unwrap_or(NOBODYS));
            is_right && hash.is_some()
        })
        .await
    }

    async fn compute<T: Send + 'static>(
        &self,
        from: Network,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let permit = if let Ok(permit) = self.free.clone().try_acquire_owned() {
            permit
        } else {
            let _place = Place::take(&self.waiting, from)?;
            self.free.clone().acquire_owned().await.map_err(|_| Busy)?
        };
        let computed = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        computed.await.map_err(|_| Busy)
    }
}

/// A place among those who wait, of a network.
struct Place {
    waiting: Arc<Mutex<HashMap<Network, usize>>>,
    from: Network,
}

impl Place {
    fn take(waiting: &Arc<Mutex<HashMap<Network, usize>>>, from: Network) -> Result<Self, Busy> {
        let mut places = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = places.entry(from).or_default();
        if *taken >= WAITING {
            return Err(Busy);
        }
        *taken += 1;
        Ok(Self { waiting: waiting.clone(), from })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = places.get_mut(&self.from) {
            *taken -= 1;
            if *taken == 0 {
                places.remove(&self.from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn network(last: u8) -> Network {
        Some(IpAddr::from([10, 0, last, 1])).into()
    }

    fn password(text: &str) -> Password {
        Password::new("password", text).unwrap()
    }

    #[test]
    fn short_long_and_common_passwords_are_refused() {
        for bad in ["", "short", "123456789", "1234567890", "Password123", "QWERTYUIOP", &"x".repeat(257)] {
            assert_eq!(Password::new("password", bad).unwrap_err().field, "password", "{bad}");
        }
        for good in ["correct horse battery staple", "ünïcödé päss", &"长".repeat(256), "          x"] {
            password(good);
        }
        assert_eq!(COMMON.len(), 10_000);
        assert!(COMMON.iter().all(|common| common.len() >= SHORTEST && *common == common.to_lowercase()));
    }

    #[tokio::test]
    async fn a_hash_fits_its_password_alone_and_says_how_it_was_made() {
        let passwords = Passwords::default();
        let hash = passwords.hash(password("correct horse"), network(1)).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash(password("correct horse"), network(1)).await.unwrap(), "each has a salt");
        let is_right = async |typed: &str, hash: Option<&str>| {
            passwords.is_right(Password::typed(typed), hash.map(str::to_owned), network(1)).await.unwrap()
        };
        assert!(is_right("correct horse", Some(&hash)).await);
        for wrong in ["", "correct hors", "Correct horse", "correct horse ", &"x".repeat(100_000)] {
            assert!(!is_right(wrong, Some(&hash)).await, "{}", wrong.len());
        }
        assert!(!is_right("correct horse", None).await);
        assert!(!is_right("correct horse", Some("")).await);
        // The letter é as one character and as two.
        let hash = passwords.hash(password("caf\u{e9} au lait"), network(1)).await.unwrap();
        assert!(is_right("cafe\u{301} au lait", Some(&hash)).await);
        assert!(PasswordHash::new(NOBODYS).is_ok(), "it is computed like any other");
    }

    #[tokio::test]
    async fn of_one_network_two_wait_and_others_are_not_held_up() {
        let passwords = Passwords { free: Arc::new(Semaphore::new(1)), waiting: Arc::default() };
        let running = passwords.free.clone().try_acquire_owned().unwrap();
        let mut asked = tokio::task::JoinSet::new();
        let ask = |network| {
            let passwords = passwords.clone();
            async move { passwords.is_right(Password::typed("typed"), None, network).await }
        };
        asked.spawn(ask(network(1)));
        asked.spawn(ask(network(1)));
        while passwords.waiting.lock().unwrap().get(&network(1)) != Some(&2) {
            tokio::task::yield_now().await;
        }
        assert_eq!(ask(network(1)).await, Err(Busy));
        asked.spawn(ask(network(2)));
        drop(running);
        assert_eq!(asked.join_all().await, [Ok(false); 3]);
        assert!(passwords.waiting.lock().unwrap().is_empty());
    }
}
