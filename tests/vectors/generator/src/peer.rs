//! `peer …`: one end of a live conversation with Python (`../talk_to_rust.py`), over TCP or one JSON text per line.

use crate::line::fresh_rng;
use crate::noise::{config, INITIATOR, RESPONDER};
use futures::channel::mpsc::{unbounded, UnboundedReceiver};
use futures::{Sink, Stream, StreamExt};
use nym_crypto::asymmetric::ed25519;
use nym_gateway_requests::registration::handshake::{client_handshake, gateway_handshake};
use nym_gateway_requests::RegistrationHandshake;
use nym_noise::{upgrade_noise_initiator, upgrade_noise_responder};
use nym_task::ShutdownToken;
use std::io::{BufRead, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tungstenite::{Error as WsError, Message};

const VERSION: u8 = 6;

pub fn run(arguments: &[String]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["noise-responder"] => noise_responder().await,
            ["noise-initiator", address] => noise_initiator(address).await,
            ["gateway"] => gateway().await,
            ["client"] => client().await,
            _ => panic!("peer noise-responder | noise-initiator ADDRESS | gateway | client"),
        }
    });
}

/// Prints its address, then echoes one connection until it ends.
async fn noise_responder() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    let (stream, peer) = listener.accept().await.unwrap();
    let mut connection = upgrade_noise_responder(stream, &config(RESPONDER, peer, INITIATOR)).await.unwrap();
    let mut buffer = vec![0; 32_768];
    loop {
        let length = connection.read(&mut buffer).await.unwrap();
        if length == 0 {
            return;
        }
        connection.write_all(&buffer[..length]).await.unwrap();
        connection.flush().await.unwrap();
    }
}

/// Sends 200,000 bytes j mod 251, expects them back and prints `ok`.
async fn noise_initiator(address: &str) {
    let address = address.parse().unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let mut connection = upgrade_noise_initiator(stream, &config(INITIATOR, address, RESPONDER)).await.unwrap();
    for piece in crate::common::pattern(200_000).chunks(50_000) {
        connection.write_all(piece).await.unwrap();
        connection.flush().await.unwrap();
        let mut echo = vec![0; piece.len()];
        connection.read_exact(&mut echo).await.unwrap();
        assert_eq!(echo, piece);
    }
    println!("ok");
}

/// A websocket whose text messages are lines of standard input and output.
struct Pipe(UnboundedReceiver<String>);

impl Pipe {
    fn new() -> Self {
        let (sender, receiver) = unbounded();
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                let _ = sender.unbounded_send(line.unwrap());
            }
        });
        Pipe(receiver)
    }
}

impl Stream for Pipe {
    type Item = Result<Message, WsError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context).map(|line| line.map(|text| Ok(Message::text(text))))
    }
}

impl Sink<Message> for Pipe {
    type Error = WsError;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), WsError>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), WsError> {
        println!("{}", message.to_text().unwrap());
        std::io::stdout().flush().unwrap();
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), WsError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), WsError>> {
        Poll::Ready(Ok(()))
    }
}

/// The gateway's side of a registration; ends with the shared key, or with why there is none.
async fn gateway() {
    let mut pipe = Pipe::new();
    let keys: ed25519::KeyPair = crate::layer::identity(2).into();
    let first = pipe.0.next().await.unwrap();
    let RegistrationHandshake::HandshakePayload { data, protocol_version } = first.parse().unwrap() else {
        panic!("no handshake payload")
    };
    let result =
        gateway_handshake(&mut fresh_rng(), &mut pipe, &keys, data, protocol_version, ShutdownToken::new()).await;
    report(result.map(|r| r.derived_key.to_bytes()).map_err(|e| e.to_string()));
}

/// The client's side.
async fn client() {
    let mut pipe = Pipe::new();
    let keys: ed25519::KeyPair = crate::layer::identity(1).into();
    let gateway = crate::layer::identity(2).public_key();
    let result = client_handshake(&mut fresh_rng(), &mut pipe, &keys, gateway, VERSION, ShutdownToken::new()).await;
    report(result.map(|r| r.derived_key.to_bytes()).map_err(|e| e.to_string()));
}

fn report(result: Result<Vec<u8>, String>) {
    match result {
        Ok(key) => println!("key {}", hex::encode(key)),
        Err(error) => println!("failed: {error}"),
    }
}
