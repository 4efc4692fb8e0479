//! Database servers that go away, fall silent, or are somebody else's: each test starts its own.

/// Makes a test for each server of a function that takes one.
macro_rules! on_every_server {
    ($($name:ident),* $(,)?) => {
        $(mod $name {
            use crate::support::cluster::Kind;

            #[tokio::test]
            async fn on_postgres() {
                super::$name(Kind::Postgres).await;
            }

            #[tokio::test]
            async fn on_mariadb() {
                super::$name(Kind::MariaDb).await;
            }
        })*
    };
}

mod aborts;
mod conflicts;
mod followers;
mod lock;
mod operating;
mod posters;
mod restarts;
mod revocations;
mod searches;
mod silence;
mod start;
