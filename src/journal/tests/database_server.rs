//! Two nodes on one database server: two journals and two hubs in this process, each with connections of its own.

use std::{fmt::Display, time::Duration};

#[path = "../../../tests/integration/support/cluster.rs"]
#[expect(dead_code, unreachable_pub, reason = "integration tests use more of it")]
mod cluster;

mod history;
mod interleavings;
mod load;
mod nodes;

use cluster::{Cluster, Kind};
use nodes::Node;

const DEADLINE: Duration = Duration::from_secs(20);

/// The work's result; the test fails when the deadline passes first.
async fn within<F: Future>(deadline: Duration, what: impl Display, work: F) -> F::Output {
    let output = tokio::time::timeout(deadline, work).await;
    output.unwrap_or_else(|_| panic!("waited {deadline:?} in vain: {what}"))
}

#[tokio::test]
async fn two_nodes_on_postgres() {
    both(Kind::Postgres).await;
}

#[tokio::test]
async fn two_nodes_on_mariadb() {
    both(Kind::MariaDb).await;
}

/// One server is started for all of it: that takes longer than any of them.
async fn both(kind: Kind) {
    let cluster = Cluster::start(kind).await;
    interleavings::run(&cluster, kind).await;
    load::run(&cluster).await;
}
