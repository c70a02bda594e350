//! The server: a task a connection. A request is kind, turn, length and bytes; the answer count, hash and bytes.
//!
//! Kinds: 0 C in the task; 1 C on the blocking pool; 2 through a file (tokio::fs), then C; 3 after
//! a timer, then C; 4 C that overflows, which answers u64::MAX and nothing else.

use crate::calls::{self, Worker};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[derive(Default)]
pub struct Shared {
    calls: AtomicUsize,
    reports: Arc<AtomicUsize>,
    moved: AtomicUsize,
    blocking: AtomicUsize,
    files: AtomicUsize,
}

pub struct Seen {
    pub calls: usize,
    /// Callbacks out of C.
    pub reports: usize,
    /// Times that a task went on, behind an await, on another thread than before.
    pub moved: usize,
    pub blocking: usize,
}

impl Shared {
    pub fn seen(&self) -> Seen {
        let of = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        Seen {
            calls: of(&self.calls),
            reports: of(&self.reports),
            moved: of(&self.moved),
            blocking: of(&self.blocking),
        }
    }
}

pub async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let shared = shared.clone();
        tokio::spawn(async move {
            stream.set_nodelay(true).expect("a socket");
            if let Err(error) = connection(stream, &shared).await {
                // The client's end of the connection is the only one there is.
                assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{error}");
            }
        });
    }
}

async fn through_a_file(input: Vec<u8>, shared: &Shared) -> std::io::Result<Vec<u8>> {
    let number = shared.files.fetch_add(1, Ordering::Relaxed);
    let name = format!("galeed-server-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    tokio::fs::write(&path, &input).await?;
    let back = tokio::fs::read(&path).await?;
    tokio::fs::remove_file(&path).await?;
    Ok(back)
}

async fn connection(stream: TcpStream, shared: &Arc<Shared>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut worker = Worker::new(shared.reports.clone());
    loop {
        let (kind, turn) = (stream.read_u8().await?, stream.read_u8().await?);
        let bytes = stream.read_u32_le().await? as usize;
        let mut input = calls::buffer(bytes);
        let before = std::thread::current().id();
        stream.read_exact(&mut input).await?;
        match kind {
            2 => input = through_a_file(input, shared).await?,
            3 => tokio::time::sleep(Duration::from_millis(2)).await,
            _ => {}
        }
        let moved = std::thread::current().id() != before;
        shared
            .moved
            .fetch_add(usize::from(moved), Ordering::Relaxed);
        shared.calls.fetch_add(1, Ordering::Relaxed);
        if kind == 4 {
            let stopped = worker.overflow(bytes);
            stream
                .write_u64_le(stopped.map_or(u64::MAX, |()| 0))
                .await?;
            continue;
        }
        let (output, hash, count);
        if kind == 1 {
            shared.blocking.fetch_add(1, Ordering::Relaxed);
            (worker, (output, hash, count)) = tokio::task::spawn_blocking(move || {
                let done = worker.work(&input, turn);
                (worker, done)
            })
            .await?;
        } else {
            (output, hash, count) = worker.work(&input, turn);
        }
        let mut answer = Vec::with_capacity(output.len() + 12);
        answer.extend(count.to_le_bytes());
        answer.extend(hash.to_le_bytes());
        answer.extend(output);
        stream.write_all(&answer).await?;
    }
}
