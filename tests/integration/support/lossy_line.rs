//! A line between client and server that can lose the answer: the request arrives, what comes back does not.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::Server;

/// A line to one server.
pub struct LossyLine {
    addr: SocketAddr,
    /// The number of answers still to be lost.
    to_lose: Arc<AtomicUsize>,
    _running: JoinSet<()>,
}

impl LossyLine {
    /// Begins to pass on what comes.
    pub async fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("its address");
        let (to_lose, behind) = (Arc::new(AtomicUsize::new(0)), server.addr());
        let mut running = JoinSet::new();
        let lose = to_lose.clone();
        running.spawn(async move {
            let mut lines = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let lose = lose.clone();
                lines.spawn(async move {
                    // A line that breaks is what this is for.
                    let _ = pass(client, behind, &lose).await;
                });
            }
        });
        Self { addr, to_lose, _running: running }
    }

    /// The base of its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Loses the next answers.
    pub fn lose(&self, answers: usize) {
        self.to_lose.store(answers, Ordering::SeqCst);
    }

    /// The number of answers not lost yet.
    pub fn left_to_lose(&self) -> usize {
        self.to_lose.load(Ordering::SeqCst)
    }
}

/// Passes both ways, until a side hangs up or an answer is lost. The first byte of an answer shows that the
/// server has committed.
async fn pass(mut client: TcpStream, server: SocketAddr, to_lose: &AtomicUsize) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            count = client.read(&mut asked) => match count? {
                0 => return Ok(()),
                count => server.write_all(&asked[..count]).await?,
            },
            count = server.read(&mut answered) => {
                let count = count?;
                let is_lost = || {
                    let one_less = |left: usize| left.checked_sub(1);
                    to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok()
                };
                if count == 0 || is_lost() {
                    return Ok(());
                }
                client.write_all(&answered[..count]).await?;
            }
        }
    }
}
