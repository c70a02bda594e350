//! A core's part: a task a connection, and one for datagrams. A request is kind, turn, length and bytes;
//! the answer count, hash and bytes.
//!
//! Kinds: 0 C in the task; 1 after another thread has woken the task, then C; 2 through a file
//! (monoio::fs), then C; 3 after a timer, then C; 4 C that overflows, which answers u64::MAX and
//! nothing else. A datagram is turn and bytes; its answer the turned bytes.
//!
//! Buffers are plain `Vec`s, in the domain: the kernel has them while other tasks are in C.

use crate::calls::{self, Worker};
use monoio::buf::IoBufMut;
use monoio::io::{AsyncReadRentExt, AsyncWriteRentExt};
use monoio::net::udp::UdpSocket;
use monoio::net::{TcpListener, TcpStream};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc::Sender};
use std::time::Duration;

#[derive(Default)]
pub struct Shared {
    calls: AtomicUsize,
    reports: Arc<AtomicUsize>,
    files: AtomicUsize,
    woken: AtomicUsize,
    datagrams: AtomicUsize,
}

pub struct Seen {
    pub calls: usize,
    /// Callbacks out of C.
    pub reports: usize,
    pub files: usize,
    /// By another thread.
    pub woken: usize,
    pub datagrams: usize,
}

impl Shared {
    pub fn seen(&self) -> Seen {
        let of = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        Seen {
            calls: of(&self.calls),
            reports: of(&self.reports),
            files: of(&self.files),
            woken: of(&self.woken),
            datagrams: of(&self.datagrams),
        }
    }
}

pub async fn serve(tell: Sender<[SocketAddr; 2]>, shared: Arc<Shared>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback");
    let tcp = listener.local_addr().expect("bound");
    let udp = socket.local_addr().expect("bound");
    tell.send([tcp, udp]).expect("main waits");
    monoio::spawn(datagrams(socket, shared.clone()));
    loop {
        // The client's address is the driver's to keep, in the domain.
        let (stream, _) = listener.accept().await.expect("a connection");
        let shared = shared.clone();
        monoio::spawn(async move {
            stream.set_nodelay(true).expect("a socket");
            if let Err(error) = connection(stream, &shared).await {
                // The client's end of the connection is the only one there is.
                assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{error}");
            }
        });
    }
}

async fn datagrams(socket: UdpSocket, shared: Arc<Shared>) {
    let mut worker = Worker::new(shared.reports.clone());
    loop {
        let (got, buffer) = socket.recv_from(calls::buffer(4096)).await;
        let (bytes, from) = got.expect("a datagram");
        shared.calls.fetch_add(1, Ordering::Relaxed);
        shared.datagrams.fetch_add(1, Ordering::Relaxed);
        let (output, ..) = worker.work(&buffer[1..bytes], buffer[0]);
        let (sent, output) = socket.send_to(output, from).await;
        assert_eq!(sent.expect("sent"), output.len());
    }
}

async fn through_a_file(input: Vec<u8>, shared: &Shared) -> std::io::Result<Vec<u8>> {
    let number = shared.files.fetch_add(1, Ordering::Relaxed);
    let name = format!("galeed-monoio-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let (done, input) = monoio::fs::write(&path, input).await;
    done?;
    // metadata and read: statx, which a worker of the kernel's does, and reads.
    let back = monoio::fs::read(&path).await?;
    monoio::fs::remove_file(&path).await?;
    assert!(input == back, "what was written is what was read");
    Ok(back)
}

/// Waits until another thread says so.
async fn woken(shared: &Arc<Shared>) {
    let (tell, told) = futures_channel::oneshot::channel();
    std::thread::spawn(move || tell.send(()));
    told.await.expect("the other thread's word");
    shared.woken.fetch_add(1, Ordering::Relaxed);
}

async fn connection(mut stream: TcpStream, shared: &Arc<Shared>) -> std::io::Result<()> {
    let mut worker = Worker::new(shared.reports.clone());
    loop {
        let (kind, turn) = (stream.read_u8().await?, stream.read_u8().await?);
        let bytes = stream.read_u32_le().await? as usize;
        // Monoio fills a buffer's capacity, or a slice of it.
        let room = calls::buffer(bytes).slice_mut(..bytes);
        let (got, room) = stream.read_exact(room).await;
        got?;
        let mut input = room.into_inner();
        match kind {
            1 => woken(shared).await,
            2 => input = through_a_file(input, shared).await?,
            3 => monoio::time::sleep(Duration::from_millis(2)).await,
            _ => {}
        }
        shared.calls.fetch_add(1, Ordering::Relaxed);
        if kind == 4 {
            let stopped = worker.overflow(bytes).map_or(u64::MAX, |()| 0);
            stream.write_all(stopped.to_le_bytes().to_vec()).await.0?;
            continue;
        }
        let (output, hash, count) = worker.work(&input, turn);
        let mut answer = Vec::with_capacity(output.len() + 12);
        answer.extend(count.to_le_bytes());
        answer.extend(hash.to_le_bytes());
        answer.extend(output);
        stream.write_all(answer).await.0?;
    }
}
