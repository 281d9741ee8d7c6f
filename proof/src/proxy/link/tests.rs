//! A proxy between two plain sockets.

use super::*;
use crate::dice::Dice;
use crate::proxy::{Cell, Matrix, Proxy};
use tokio::net::TcpListener;

/// A client's and a server's end of a connection through a proxy with these faults.
async fn linked(matrix: Matrix) -> (Proxy, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(matrix).await.unwrap();
    proxy.lead_to(Some(listener.local_addr().unwrap()));
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    client.write_all(&PREFACE).await.unwrap();
    (proxy, client, server)
}

fn pongs(count: u64) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    (0..count).for_each(|token| Packet::Pong(token).put(&mut bytes));
    bytes.to_vec()
}

#[tokio::test]
async fn without_faults_every_byte_comes_through_and_so_does_the_end() {
    let (_proxy, mut client, mut server) = linked(Matrix::new(0, Dice::new(1))).await;
    client.write_all(&pongs(50)).await.unwrap();
    client.shutdown().await.unwrap();
    let mut came = Vec::new();
    server.read_to_end(&mut came).await.unwrap();
    assert_eq!(came, [&PREFACE[..], &pongs(50)].concat());
}

#[tokio::test]
async fn each_fault_is_done_and_counted_and_after_the_calm_there_is_none() {
    let cells = || {
        let mine = |cell: &Cell| cell.kind == Kind::Pong && cell.direction == Direction::ToServer;
        Cell::all().filter(mine)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let matrix = Matrix::new(1, Dice::new(1));
    let proxy = Proxy::start(matrix).await.unwrap();
    proxy.lead_to(Some(listener.local_addr().unwrap()));
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(
                async move { while stream.read(&mut [0; 64]).await.is_ok_and(|n| n > 0) {} },
            );
        }
    });
    let hits = |cell| proxy.with_matrix(|matrix| matrix.hits(cell));
    // Without a Hello nothing is remembered, so nothing is replayed.
    let done = || cells().all(|cell| cell.fault == Fault::Replay || hits(cell) == 1);
    let mut tries = 0;
    while !done() {
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        let mut bytes = PREFACE.to_vec();
        bytes.extend(pongs(3));
        // A connection that is reset meanwhile is one of the faults.
        let _ = client.write_all(&bytes).await;
        let _ = timeout(Duration::from_millis(20), client.read(&mut [0])).await;
        tries += 1;
        assert!(tries < 1000, "the faults come up");
    }
    proxy.calm();
    assert_eq!(proxy.with_matrix(Matrix::left), 0);
    server.abort();
}
