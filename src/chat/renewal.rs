//! Renewal: a stream or a socket goes on by another credential of the same user.

use super::{Chat, ChatError};
use crate::{
    domain::{
        denied::Denied,
        policy::{Act, Actor, Standing, may},
        stream_id::StreamId,
        timestamp::Timestamp,
    },
    identity::secret::{Secret, SecretKind},
};

impl Chat {
    /// Has a stream or a socket of the actor's go on by the actor's credential, or by another of the same user. Returns
    /// the end of that one, if it ends.
    ///
    /// # Errors
    /// [`ChatError`]; a stream of somebody else's is as one that is not there.
    pub async fn extend(
        &self,
        actor: &Actor,
        stream: &str,
        token: Option<&str>,
    ) -> Result<Option<Timestamp>, ChatError> {
        let authenticator = self.authenticator.as_ref().ok_or(ChatError::NotFound("stream"))?;
        let given = match token {
            // A session is in the browser's hands alone, and comes with the request.
            Some(token) if Secret::parse(SecretKind::Session, token).is_some() => return Err(Denied::Revoked.into()),
            Some(token) => authenticator.actor(token).await.map_err(ChatError::NotProven)?,
            None => actor.clone(),
        };
        let given = self.current(&given).await?;
        may(&given, Act::ExtendStream, &Standing::default())?;
        let grant = given.grant().ok_or(Denied::Guest)?;
        let stream = StreamId::parse(stream, given.name()?.key()).ok_or(ChatError::NotFound("stream of yours"))?;
        authenticator.renew(&stream, grant, self.hub.timings().auth_notice).await?;
        Ok(grant.expires_at)
    }
}
