//! The load: each answer's every byte is compared with what Rust alone makes of the request.

use monoio::io::{AsyncReadRentExt, AsyncWriteRentExt};
use monoio::net::{TcpStream, udp::UdpSocket};
use std::net::SocketAddr;

#[derive(Clone, Copy)]
pub struct Plan {
    pub connections: usize,
    pub requests: usize,
    /// At most, of a request.
    pub bytes: usize,
    /// C in the task alone, of `bytes` each; else all kinds by turns, and datagrams.
    pub alone: bool,
}

#[derive(Default)]
pub struct Got {
    pub answered: usize,
    pub bytes: usize,
    pub refused: usize,
}

/// A datagram's, at most.
const SMALL: usize = 1200;

pub async fn drive(cores: &[[SocketAddr; 2]], plan: Plan) -> Got {
    let of = |number: usize| cores[number % cores.len()];
    let tasks: Vec<_> = (0..plan.connections)
        .map(|number| monoio::spawn(connection(of(number), plan, number)))
        .collect();
    let mut total = Got::default();
    for task in tasks {
        let got = task.await;
        total.answered += got.answered;
        total.bytes += got.bytes;
        total.refused += got.refused;
    }
    total
}

fn turned(input: &[u8], output: &[u8], turn: u8) -> bool {
    let right = |(was, is): (&u8, &u8)| was.wrapping_add(turn) == *is;
    input.len() == output.len() && input.iter().zip(output).all(right)
}

async fn datagram(socket: &UdpSocket, input: &[u8], turn: u8) {
    let input = &input[..input.len().min(SMALL)];
    let mut words = vec![turn];
    words.extend(input);
    socket.send(words).await.0.expect("sent");
    let (got, output) = socket.recv(vec![0; SMALL]).await;
    let bytes = got.expect("an answer");
    assert!(turned(input, &output[..bytes], turn));
}

async fn connection([tcp, udp]: [SocketAddr; 2], plan: Plan, number: usize) -> Got {
    let mut stream = TcpStream::connect_addr(tcp).await.expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback");
    socket.connect(udp).await.expect("a name");
    let (mut got, mut worked) = (Got::default(), 0);
    for request in 0..plan.requests {
        let step = number + request;
        let (kind, bytes) = if plan.alone {
            (0, plan.bytes)
        } else {
            ((step % 5) as u8, 1 + step * 7919 % plan.bytes)
        };
        let turn = (step % 251) as u8;
        let input: Vec<u8> = (0..bytes).map(|at| (at * 31 + step) as u8).collect();
        if !plan.alone {
            datagram(&socket, &input, turn).await;
        }
        let mut words = vec![kind, turn];
        words.extend((bytes as u32).to_le_bytes());
        words.extend(&input);
        stream.write_all(words).await.0.expect("sent");
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
        let (read, output) = stream.read_exact(vec![0; bytes]).await;
        read.expect("all bytes");
        assert!(turned(&input, &output, turn));
        got.bytes += bytes;
    }
    got
}
