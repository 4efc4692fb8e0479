//! Builds the parts of the server from its settings, and wires them.

use std::sync::Arc;

use crate::{
    chat::{Chat, revocations::Revocations, upkeep::Upkeep},
    clock::Clock,
    config::{AuthMode, Config},
    connections::Connections,
    hub::{Hub, broker::Local},
    identity::{
        accounts::Accounts,
        authenticator::Authenticator,
        jwt_key::JwtKeys,
        start::{self, Unready},
    },
    journal::{
        Journal,
        feed::Feed,
        follower::{
            runner::{Runner, Times},
            search::SearchFollower,
        },
        writer::Fatal,
    },
    limits::Limits,
    shutdown::Shutdown,
    store::{OpenError, Opened, Store, health::Health},
    unsent::{Terms, Unsent},
};

#[cfg(test)]
pub(crate) mod tests;

/// The state that every request is given.
#[derive(Debug)]
pub struct App {
    /// The operations of a user.
    pub chat: Arc<Chat>,
    /// The actors of credentials; absent in open mode.
    pub authenticator: Option<Arc<Authenticator>>,
    /// The rooms in memory, for whoever ends their readers.
    pub hub: Arc<Hub>,
    /// The health of the store: posts are taken, or refused.
    pub health: Health,
    /// The settings.
    pub config: Config,
    /// The connections that may still be opened.
    pub connections: Arc<Connections>,
    /// The limits of rate, and what was used of them.
    pub limits: Arc<Limits>,
    /// The clock.
    pub clock: Clock,
    /// The memory for what is rendered and not sent.
    pub unsent: Unsent,
    /// The end of the process.
    pub shutdown: Shutdown,
}

/// The tasks that have to run for the app to work.
#[must_use = "nothing is written until it runs"]
#[derive(Debug)]
pub struct Background<J> {
    journal: J,
    search: Runner<SearchFollower>,
    hub: Arc<Hub>,
    authenticator: Option<Arc<Authenticator>>,
    upkeep: Upkeep,
    /// Absent in open mode.
    revocations: Option<Revocations>,
    store: Store,
}

impl App {
    /// Opens the database and builds the app over it.
    ///
    /// # Errors
    /// [`OpenError`] when the database can't be used.
    pub async fn build(
        config: Config,
        clock: Clock,
        shutdown: Shutdown,
    ) -> Result<(Arc<Self>, Background<impl Future<Output = Result<(), Fatal>> + Send + 'static>), OpenError> {
        let keys = match config.identity.auth {
            AuthMode::Open => None,
            AuthMode::Required => {
                Some(JwtKeys::load(&config.identity.jwt).map_err(|error| OpenError::Identity(error.to_string()))?)
            }
        };
        let Opened { store, writer, followers, identity } = Store::open(&config.store).await?;
        let ready = start::prepare(&store, &identity, &config.identity, &clock).await;
        ready.map_err(|unready| match unready {
            Unready::Store(error) => OpenError::Reading { url: config.store.url.clone(), error },
            unready => OpenError::Identity(format!("{}: {unready}", config.store.url)),
        })?;
        let health = Health::default();
        let hub = Hub::new(store.clone(), clock.clone(), health.clone(), config.timings);
        let stop = shutdown.finishing.clone();
        let broker = Arc::new(Local(hub.clone()));
        let (feed, window) = (Feed::default(), config.edit_window);
        let (journal, task) =
            Journal::new(writer, broker, feed.clone(), health.clone(), clock.clone(), window, stop.clone());
        let reading = (store.clone(), followers);
        let search = Runner::new(SearchFollower, reading, &feed, health.clone(), Times::default(), stop);
        let search = search.await.map_err(|error| OpenError::Follower { url: config.store.url.clone(), error })?;
        let makers = config.identity.room_creation;
        let writer = Arc::new(identity);
        let noted = config.timings.last_use_interval;
        let authenticator = keys
            .map(|keys| Authenticator::new(store.clone(), writer.clone(), keys, clock.clone(), makers, noted))
            .map(Arc::new);
        let mode = config.identity.accounts;
        let accounts = authenticator
            .clone()
            .map(|authenticator| Accounts::new(store.clone(), writer, authenticator, clock.clone(), mode));
        let closing = shutdown.closing.clone();
        let limits = Arc::new(Limits::new(config.quotas));
        let chat = Chat {
            journal,
            hub: hub.clone(),
            store: store.clone(),
            authenticator: authenticator.clone(),
            accounts,
            limits: limits.clone(),
            clock: clock.clone(),
            closing,
        };
        let chat = Arc::new(chat);
        let (keys, revocations) = (authenticator.clone(), Revocations::of(&chat));
        let background = Background {
            journal: task,
            search,
            hub: hub.clone(),
            authenticator: keys,
            upkeep: Upkeep::of(&chat),
            revocations,
            store,
        };
        // What of a proxy's connections is whose, its header says of each request.
        let unbounded = config.limits_exempt.iter().chain(&config.trusted_proxies).copied().collect();
        let connections = Connections::new(config.max_connections, config.quotas.is_some(), unbounded);
        let connections = Arc::new(connections);
        let (wait, stall) = (config.timings.unsent_wait, config.timings.unsent_stall);
        let unsent = Unsent::new(Terms { limit: config.unsent_limit, wait, stall });
        let app = Self { chat, authenticator, hub, health, config, connections, limits, clock, unsent, shutdown };
        Ok((Arc::new(app), background))
    }
}

impl App {
    /// Reads again what files say that may change while the process runs: the keys that tokens are checked by.
    pub async fn reread(&self) {
        let Some(authenticator) = &self.authenticator else { return };
        match authenticator.reread_signers(&self.config.identity.jwt).await {
            Ok(keys) => tracing::info!(keys, "the keys of tokens are read again"),
            Err(error) => tracing::error!(%error, "the keys of tokens can't be read again"),
        }
    }
}

impl<J: Future<Output = Result<(), Fatal>>> Background<J> {
    /// Runs until the journal has finished.
    ///
    /// # Errors
    /// [`Fatal`] when the disk can't be trusted any more.
    pub async fn run(self) -> Result<(), Fatal> {
        #[expect(clippy::disallowed_methods, reason = "the journal ends after it")]
        let search = tokio::spawn(self.search.run());
        let search = async {
            match search.await {
                Ok(Ok(())) => {}
                Ok(Err(fatal)) => return fatal,
                // A fault of this program. Without the index all is still found, only more slowly.
                Err(error) => {
                    tracing::error!(%error, "the index of search is not kept: search is slow until a restart");
                }
            }
            std::future::pending().await
        };
        let key_uses = async {
            match &self.authenticator {
                Some(authenticator) => authenticator.write_key_uses().await,
                None => std::future::pending().await,
            }
        };
        let revocations = async {
            if let Some(revocations) = self.revocations {
                revocations.run().await;
            }
            std::future::pending::<()>().await;
        };
        let finished = tokio::select! {
            finished = self.journal => finished,
            fatal = search => Err(fatal),
            () = self.hub.run() => Ok(()),
            () = key_uses => Ok(()),
            () = revocations => Ok(()),
            () = self.upkeep.run() => Ok(()),
        };
        self.store.close().await;
        finished
    }
}
