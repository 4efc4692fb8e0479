//! Secrets that Parlor makes: API keys, and whatever else is shown once and stored as a hash.

use std::fmt;

use rand::Rng as _;
use sha2::{Digest as _, Sha256};

/// The digits of a secret.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The bytes of randomness in a secret.
const RANDOM_BYTES: usize = 32;
/// The digits after the prefix: as many as the greatest number of so many bytes has.
const LENGTH: usize = 43;

/// The kinds of secrets. Each begins with a word of its own, by which scanners of leaked secrets find it, and by which
/// one is never taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// The key of a program.
    ApiKey,
    /// The cookie of a browser that has signed in.
    Session,
    /// A single opening of a stream or a socket.
    Ticket,
    /// A registration.
    Invitation,
    /// A new password.
    Reset,
}

impl SecretKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::ApiKey, Self::Session, Self::Ticket, Self::Invitation, Self::Reset];

    /// Returns true if a text begins like a secret.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        Self::ALL.iter().any(|kind| text.starts_with(kind.prefix()))
    }

    /// The letters that a secret of this kind begins with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::ApiKey => "plr_",
            Self::Session => "pls_",
            Self::Ticket => "plt_",
            Self::Invitation => "pli_",
            Self::Reset => "plp_",
        }
    }
}

/// A secret of 256 random bits: a prefix and 43 digits of base 62, leading zeros kept.
#[derive(Clone)]
pub struct Secret(String);

/// The form in which a secret is stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretHash([u8; 32]);

impl Secret {
    /// A new secret, from the system's randomness.
    #[must_use]
    pub fn generate(kind: SecretKind) -> Self {
        let mut random = [0; RANDOM_BYTES];
        rand::rng().fill(&mut random);
        Self(written(kind, random))
    }

    /// The secret that a text is, if it has the form of this kind.
    #[must_use]
    pub fn parse(kind: SecretKind, text: &str) -> Option<Self> {
        let digits = text.strip_prefix(kind.prefix())?;
        let fits = digits.len() == LENGTH && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| Self(text.to_owned()))
    }

    /// The text, for whom it was made, once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The hash by which it is stored and found: SHA-256 of the text, prefix included.
    ///
    /// A fast hash is right here. Slow ones make up for passwords, of which few are likely; of 256 random bits none
    /// is likelier than another, and they can't be tried. And it is computed at every request.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(&self.0).into())
    }
}

impl SecretHash {
    /// The bytes, as they stand in the database.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The number that the bytes are, in base 62 and of fixed length.
fn written(kind: SecretKind, mut number: [u8; RANDOM_BYTES]) -> String {
    let mut digits = [0; LENGTH];
    for digit in digits.iter_mut().rev() {
        // The remainder of each byte goes into the next.
        let mut remainder = 0;
        for byte in &mut number {
            let value = remainder * 256 + u32::from(*byte);
            // Below 256, since the remainder is below 62.
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            remainder = value % 62;
        }
        *digit = DIGITS[remainder as usize];
    }
    kind.prefix().chars().chain(digits.map(char::from)).collect()
}

/// Shows the kind alone.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = self.0.split_inclusive('_').next().unwrap_or_default();
        write!(f, "{prefix}***")
    }
}

/// Shows nothing: who has a hash can look for it in a database.
impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(***)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The bytes of a secret's number, read back.
    fn bytes(secret: &str) -> [u8; RANDOM_BYTES] {
        let mut number = [0; RANDOM_BYTES];
        for digit in secret.split_once('_').unwrap().1.bytes() {
            let mut carry = DIGITS.iter().position(|known| *known == digit).unwrap();
            for byte in number.iter_mut().rev() {
                carry += usize::from(*byte) * 62;
                *byte = u8::try_from(carry % 256).unwrap();
                carry /= 256;
            }
            assert_eq!(carry, 0, "{secret} has more than 256 bits");
        }
        number
    }

    #[test]
    fn a_secret_has_its_prefix_and_43_digits_also_at_the_ends() {
        let zeros = written(SecretKind::ApiKey, [0; RANDOM_BYTES]);
        assert_eq!(zeros, format!("plr_{}", "0".repeat(43)), "leading zeros are kept");
        let mut one = [0; RANDOM_BYTES];
        one[RANDOM_BYTES - 1] = 62;
        assert!(written(SecretKind::ApiKey, one).ends_with("0010"));
        let greatest = written(SecretKind::ApiKey, [0xff; RANDOM_BYTES]);
        assert_eq!(greatest.len(), 47);
        assert_eq!(bytes(&greatest), [0xff; RANDOM_BYTES]);
    }

    #[test]
    fn each_kind_has_a_prefix_of_its_own_and_is_not_taken_for_another() {
        for made in SecretKind::ALL {
            let secret = Secret::generate(made);
            assert_ne!(secret.reveal(), Secret::generate(made).reveal());
            for asked in SecretKind::ALL {
                let parsed = Secret::parse(asked, secret.reveal());
                assert_eq!(parsed.is_some(), made == asked, "{made:?} as {asked:?}");
            }
        }
    }

    #[test]
    fn what_has_not_the_form_of_a_secret_is_none() {
        let good = format!("plr_{}", "a1B".repeat(14) + "z");
        let parse = |text: &str| Secret::parse(SecretKind::ApiKey, text);
        assert!(parse(&good).is_some());
        for bad in [
            String::new(),
            "plr_".to_owned(),
            good[1..].to_owned(),
            good[..46].to_owned(),
            format!("{good}0"),
            format!(" {good}"),
            good.replacen("plr_", "PLR_", 1),
            good.replacen("a1B", "a-B", 1),
            good.replacen("a1B", "a\0B", 1),
            good.replacen("a1", "é", 1),
        ] {
            assert!(parse(&bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_secret_is_stored_by_the_hash_of_all_of_it_and_never_shown() {
        let secret = Secret::parse(SecretKind::ApiKey, &format!("plr_{}", "0".repeat(43))).unwrap();
        // printf 'plr_%043d' 0 | sha256sum
        let known = "7afabaff9a7cc983e21e813ffd9654fa9b9d97b5025161b0e485e9ddb2a487cf";
        let hash = secret.hash().as_bytes().map(|byte| format!("{byte:02x}"));
        assert_eq!(hash.concat(), known);
        let same_digits = Secret::parse(SecretKind::Session, &format!("pls_{}", "0".repeat(43))).unwrap();
        assert_ne!(secret.hash(), same_digits.hash());
        assert_eq!(format!("{secret:?} {:?}", secret.hash()), "plr_*** SecretHash(***)");
    }

    proptest! {
        #[test]
        fn the_digits_are_the_bytes(random: [u8; RANDOM_BYTES]) {
            let secret = written(SecretKind::Ticket, random);
            prop_assert_eq!(bytes(&secret), random);
            prop_assert!(Secret::parse(SecretKind::Ticket, &secret).is_some());
        }
    }
}
