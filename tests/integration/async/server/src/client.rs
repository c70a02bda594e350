//! The load: each answer's every byte is compared with what Rust alone makes of the request.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Clone, Copy)]
pub struct Plan {
    pub connections: usize,
    pub requests: usize,
    /// At most, of a request.
    pub bytes: usize,
    /// None: all of them by turns.
    pub kind: Option<u8>,
}

#[derive(Default)]
pub struct Got {
    pub answered: usize,
    pub bytes: usize,
    pub refused: usize,
}

pub async fn drive(address: SocketAddr, plan: Plan) -> Got {
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..plan.connections {
        tasks.spawn(connection(address, plan, number));
    }
    let mut total = Got::default();
    while let Some(done) = tasks.join_next().await {
        let got = done.expect("no task panics");
        total.answered += got.answered;
        total.bytes += got.bytes;
        total.refused += got.refused;
    }
    total
}

async fn connection(address: SocketAddr, plan: Plan, number: usize) -> Got {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    let (mut got, mut worked) = (Got::default(), 0);
    for request in 0..plan.requests {
        let step = number + request;
        let kind = plan.kind.unwrap_or((step % 5) as u8);
        let bytes = if plan.kind.is_some() {
            plan.bytes
        } else {
            1 + step * 7919 % plan.bytes
        };
        let turn = (step % 251) as u8;
        let input: Vec<u8> = (0..bytes).map(|at| (at * 31 + step) as u8).collect();
        let mut words = vec![kind, turn];
        words.extend((bytes as u32).to_le_bytes());
        words.extend(&input);
        stream.write_all(&words).await.expect("sent");
        let count = stream.read_u64_le().await.expect("an answer");
        got.answered += 1;
        if kind == 4 {
            assert_eq!(count, u64::MAX, "the overflow was stopped");
            got.refused += 1;
            continue;
        }
        worked += 1;
        assert_eq!(count, worked, "the session's own count");
        let hash = stream.read_u32_le().await.expect("a hash");
        let expected = input.iter().fold(2_166_136_261_u32, |hash, byte| {
            (hash ^ u32::from(*byte)).wrapping_mul(16_777_619)
        });
        assert_eq!(hash, expected);
        let mut output = vec![0; bytes];
        stream.read_exact(&mut output).await.expect("all bytes");
        assert!(
            input
                .iter()
                .zip(&output)
                .all(|(was, is)| was.wrapping_add(turn) == *is)
        );
        got.bytes += bytes;
    }
    got
}
