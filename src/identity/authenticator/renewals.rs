//! Renewals: another credential of the same user, by which a stream or a socket goes on.

use std::time::Duration;

use super::{Authenticator, Invalid, NotProven, inherited, of_store, tickets::after};
use crate::{
    domain::{
        actor::{Actor, Grant},
        stream_id::StreamId,
    },
    store::error::StoreError,
};

impl Authenticator {
    /// Has a stream go on by the credential of a grant, on whichever node it is, if it is looked for within a time.
    ///
    /// # Errors
    /// [`NotProven::Invalid`] for a guest, [`NotProven::Store`].
    pub async fn renew(&self, stream: &StreamId, grant: &Grant, within: Duration) -> Result<(), NotProven> {
        let credential = inherited::written(grant).ok_or(Invalid("a guest has no credential"))?;
        let now = self.clock.now();
        let renewed = self.writer.renew(stream.as_str(), &credential, now, after(now, within)).await;
        Ok(renewed.map_err(of_store)?)
    }

    /// The actors by whose credentials these streams go on, with the stream. One whose credential is good no longer is
    /// left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn renewals(&self, streams: &[&StreamId]) -> Result<Vec<(StreamId, Actor)>, StoreError> {
        // Before what it is the version of.
        let version = self.version().await?;
        let names: Vec<_> = streams.iter().map(|stream| stream.as_str()).collect();
        let found = self.store.renewals(&names).await?;
        let read = |(name, credential): &(String, String)| {
            let stream = streams.iter().find(|stream| stream.as_str() == name)?;
            Some(((*stream).clone(), inherited::read(credential)?))
        };
        let found: Vec<_> = found.iter().filter_map(read).collect();
        let grants: Vec<_> = found.iter().map(|(_, grant)| grant).collect();
        let actors = self.granted_again(version, &grants).await?;
        let good = found.into_iter().zip(actors).filter_map(|((stream, _), actor)| {
            let actor = actor.ok()?;
            self.check_time(&actor).ok()?;
            Some((stream, actor))
        });
        Ok(good.collect())
    }
}
