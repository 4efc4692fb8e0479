//! Tokens of other systems (JWT, RFC 7519): the checks of one, and what it says.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, crypto};
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::{Value, value::RawValue};

use super::jwt_key::{JwtKey, JwtKeys};
use crate::domain::{
    actor::KeyMark,
    name::Username,
    rights::{Right, Rights},
    room_scope::RoomScope,
};

/// The longest token, in bytes: as much as a whole head of a request has room for in common servers and proxies.
pub const MAX_TOKEN_BYTES: usize = 8 << 10;
/// The longest `sub`, in bytes: as long as the longest name.
pub const MAX_SUBJECT_BYTES: usize = 400;
/// The last second of the year 9999. A later one is a fault of whoever signed, most likely milliseconds, which would
/// make a token for ever.
const LAST_SECOND: i64 = 253_402_300_799;
/// The same, for times with fractions.
const LAST_FRACTION: f64 = 253_402_300_799.0;

/// The contents of a token that is good now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The user as the other system knows them, byte by byte.
    pub subject: Arc<str>,
    /// The name of the user, if this token makes one: that of the claim `parlor`, else the one made of `sub`.
    pub username: Username,
    /// The rooms that the token is for.
    pub rooms: RoomScope,
    /// The rights that it is narrowed to; if absent, all that its user's role gives.
    pub can: Option<Rights>,
    /// The end of it, in seconds since 1970, leeway not counted.
    pub expires_at: i64,
    /// The time it was made at, in seconds since 1970, if it says so.
    pub issued_at: Option<i64>,
    /// The key that has signed it.
    pub signed_by: KeyMark,
}

/// The reasons for refusing a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// It is not good; the reason is for the log, not for whoever sent it.
    #[error("{0}")]
    Invalid(&'static str),
    /// It was good in all else, and its time is over.
    #[error("the token has expired")]
    Expired,
}

use JwtError::Invalid;

/// The header. Whatever else stands there is not looked at: `jku`, `x5u`, `jwk` and their like would let a token
/// bring its own key.
#[derive(Deserialize)]
struct Header {
    alg: Algorithm,
    #[serde(default, deserialize_with = "present")]
    kid: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    crit: Option<IgnoredAny>,
}

/// The claims that are looked at. None may stand there twice, since two readers could take different ones.
#[derive(Deserialize)]
struct Claims {
    #[serde(default, deserialize_with = "present")]
    sub: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    exp: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    iat: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    aud: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    iss: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    parlor: Option<Box<RawValue>>,
}

/// The claim of this server. A member that is not known refuses the token: it may be a narrowing one, misspelt.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct ParlorClaim {
    #[serde(default, deserialize_with = "present")]
    username: Option<String>,
    #[serde(default, deserialize_with = "present")]
    rooms: Option<RoomScope>,
    #[serde(default, deserialize_with = "present")]
    can: Option<Rights>,
}

/// A member that is there has a value, also if that is `null`, which then is one of the wrong type.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl JwtKeys {
    /// Checks a token, at `now` in seconds since 1970.
    ///
    /// # Errors
    /// [`JwtError`]; `Expired` only of a token that is good in all else.
    pub fn verify(&self, token: &str, now: i64) -> Result<Verified, JwtError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Invalid("it has more than 8 KiB"));
        }
        let (key, payload) = self.signer(token)?;
        let claims = decoded(payload).ok_or(Invalid("its claims are not base64url without padding"))?;
        let claims: Claims =
            object(&claims).ok_or(Invalid("its claims are no JSON object, or have one of them twice"))?;
        self.check_parties(&claims)?;
        let expires_at = self.check_times(&claims, now)?;
        let verified = verified(&claims, key, expires_at.seconds)?;
        if expires_at.is_over { Err(JwtError::Expired) } else { Ok(verified) }
    }

    /// The key that has signed a token, and the token's middle part.
    fn signer<'a>(&self, token: &'a str) -> Result<(&JwtKey, &'a str), JwtError> {
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Invalid("it has not three parts"));
        };
        let signed = &token[..header.len() + 1 + payload.len()];
        let header = decoded(header).ok_or(Invalid("its header is not base64url without padding"))?;
        let header: Header = object(&header)
            .ok_or(Invalid("its header is no JSON object, has a member twice, or its alg is not known"))?;
        if header.crit.is_some() {
            return Err(Invalid("its header has crit"));
        }
        let id = match &header.kid {
            None => None,
            Some(Value::String(id)) => Some(id.as_str()),
            Some(_) => return Err(Invalid("its kid is no string")),
        };
        // The name is compared with those of the keys, and never leads anywhere else.
        let candidates = self.keys.iter().filter(|key| id.is_none() || key.id.as_deref() == id);
        let mut candidates = candidates.filter(|key| key.algorithm == header.alg).peekable();
        if candidates.peek().is_none() {
            return Err(Invalid("there is no key of its alg and kid"));
        }
        let has_signed = |key: &&JwtKey| {
            crypto::verify(signature, signed.as_bytes(), &key.key, key.algorithm).is_ok_and(|has_signed| has_signed)
        };
        let signer = candidates.find(has_signed).ok_or(Invalid("none of the keys has signed it"))?;
        Ok((signer, payload))
    }

    /// Checks from whom a token is, and for whom.
    fn check_parties(&self, claims: &Claims) -> Result<(), JwtError> {
        let issuer = match &claims.iss {
            None => None,
            Some(Value::String(issuer)) => Some(issuer),
            Some(_) => return Err(Invalid("its iss is no string")),
        };
        if self.issuer.is_some() && self.issuer.as_ref() != issuer {
            return Err(Invalid("its iss is not that of --jwt-issuer"));
        }
        let is_text = |value: &Value| matches!(value, Value::String(_));
        let names = match &claims.aud {
            None if self.audience.is_some() => return Err(Invalid("it has no aud, and --jwt-audience is set")),
            None => return Ok(()),
            Some(one) if is_text(one) => std::slice::from_ref(one),
            Some(Value::Array(several)) if several.iter().all(is_text) => several,
            Some(_) => return Err(Invalid("its aud is neither a string nor a list of them")),
        };
        match &self.audience {
            None => Err(Invalid("it has an aud, and --jwt-audience is not set")),
            Some(own) if names.iter().any(|name| name == own.as_str()) => Ok(()),
            Some(_) => Err(Invalid("its aud is not that of --jwt-audience")),
        }
    }

    /// Checks the times of a token; the end of it, which may be over.
    fn check_times(&self, claims: &Claims, now: i64) -> Result<End, JwtError> {
        let leeway = seconds(self.leeway);
        let exp = claims.exp.as_ref().ok_or(Invalid("it has no exp"))?;
        let seconds = second(exp, f64::floor).ok_or(Invalid("its exp is no time in seconds before the year 10000"))?;
        for (claim, malformed, early) in [
            (&claims.nbf, "its nbf is no time in seconds before the year 10000", "its nbf is in the future"),
            (&claims.iat, "its iat is no time in seconds before the year 10000", "its iat is in the future"),
        ] {
            let Some(claim) = claim else { continue };
            let from = second(claim, f64::ceil).ok_or(Invalid(malformed))?;
            if from > now.saturating_add(leeway) {
                return Err(Invalid(early));
            }
        }
        // RFC 7519, 4.1.4: not on its time or after it.
        Ok(End { seconds, is_over: now >= seconds.saturating_add(leeway) })
    }
}

/// The end of a token.
struct End {
    seconds: i64,
    is_over: bool,
}

/// The contents of a token whose signature, parties and times were checked.
fn verified(claims: &Claims, key: &JwtKey, expires_at: i64) -> Result<Verified, JwtError> {
    let subject = match &claims.sub {
        None => return Err(Invalid("it has no sub")),
        Some(Value::String(subject)) => subject,
        Some(_) => return Err(Invalid("its sub is no string")),
    };
    check_subject(subject).map_err(|_| Invalid("its sub has not from 1 to 400 bytes, or has control characters"))?;
    let own: ParlorClaim = match &claims.parlor {
        None => ParlorClaim::default(),
        Some(claim) => object(claim.get().as_bytes()).ok_or(Invalid("its claim parlor is malformed"))?,
    };
    if own.can.is_some_and(|can| can.contains(Right::Admin)) && !key.is_admin {
        return Err(Invalid("its claim parlor gives admin, and its key is not one with :admin"));
    }
    let username = match &own.username {
        Some(name) => Username::parse(name).map_err(|_| Invalid("its claim parlor has a username that is none"))?,
        None => Username::parse(subject)
            .map_err(|_| Invalid("its sub is no username, and its claim parlor names no other"))?,
    };
    if username.is_a_step() {
        return Err(Invalid("its username is . or .., which no path can have"));
    }
    Ok(Verified {
        subject: subject.as_str().into(),
        username,
        rooms: own.rooms.unwrap_or_else(RoomScope::all),
        can: own.can,
        expires_at,
        issued_at: claims.iat.as_ref().and_then(|iat| second(iat, f64::floor)),
        signed_by: key.mark,
    })
}

/// Checks that a `sub` is one that can be stored.
///
/// # Errors
/// The rule.
pub fn check_subject(subject: &str) -> Result<(), &'static str> {
    let fits = (1..=MAX_SUBJECT_BYTES).contains(&subject.len()) && !subject.chars().any(char::is_control);
    if fits { Ok(()) } else { Err("has to have from 1 to 400 bytes, and no control characters") }
}

fn decoded(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

/// The value that a JSON object is. A list of the same values is none, though the library would take it.
fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    json.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(json).ok())?
}

/// The second that a `NumericDate` is, which may have fractions (RFC 7519, 2).
#[expect(clippy::cast_possible_truncation, reason = "it is between bounds that both types have exactly")]
fn second(value: &Value, rounded: fn(f64) -> f64) -> Option<i64> {
    let bounds = -LAST_SECOND..=LAST_SECOND;
    let number = value.as_number()?;
    if let Some(whole) = number.as_i64() {
        return Some(whole).filter(|whole| bounds.contains(whole));
    }
    let fraction = rounded(number.as_f64()?);
    (-LAST_FRACTION..=LAST_FRACTION).contains(&fraction).then_some(fraction as i64)
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
