//! rust-noise.json: nym-noise speaking to a snow peer whose ephemeral secret is fixed, so that the transcript can be
//! played back from either side.

use crate::common::*;
use crate::line::noise_view;
use nym_crypto::asymmetric::x25519;
use nym_noise::config::NoiseConfig;
use nym_noise::{upgrade_noise_initiator, upgrade_noise_responder};
use nym_noise_keys::{NoiseVersion, VersionedNoiseKeyV1};
use serde_json::{json, Value};
use sha2::{Digest, Sha256};
use snow::{Builder, HandshakeState};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PATTERN: &str = "Noise_XKpsk3_25519_AESGCM_SHA256";
pub const RESPONDER: [u8; 32] = [0x0c; 32];
pub const INITIATOR: [u8; 32] = [0x0d; 32];
pub const EPHEMERAL: [u8; 32] = [0x0e; 32];

pub fn file() -> File {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let fixed = fixed();
    let (initiator, responder) = runtime.block_on(async { (rust_initiator().await, rust_responder().await) });
    ("rust-noise", json!({"fixed_ephemerals": fixed, "rust_initiator": initiator, "rust_responder": responder}))
}

fn pair(secret: [u8; 32]) -> x25519::KeyPair {
    x25519::PrivateKey::from_secret(secret).into()
}

pub fn psk() -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(b"NYMTECH_NOISE_dQw4w9WgXcQ");
    hasher.update(pair(RESPONDER).public_key().to_bytes());
    hasher.finalize().into()
}

pub fn snow_initiator(ephemeral: &[u8]) -> HandshakeState {
    let public = pair(RESPONDER).public_key().to_bytes();
    Builder::new(PATTERN.parse().unwrap())
        .local_private_key(&INITIATOR)
        .remote_public_key(&public)
        .psk(3, &psk())
        .fixed_ephemeral_key_for_testing_only(ephemeral)
        .build_initiator()
        .unwrap()
}

pub fn snow_responder(ephemeral: &[u8]) -> HandshakeState {
    Builder::new(PATTERN.parse().unwrap())
        .local_private_key(&RESPONDER)
        .psk(3, &psk())
        .fixed_ephemeral_key_for_testing_only(ephemeral)
        .build_responder()
        .unwrap()
}

pub fn write(state: &mut HandshakeState) -> Vec<u8> {
    let mut buffer = vec![0; 1024];
    let length = state.write_message(&[], &mut buffer).unwrap();
    buffer.truncate(length);
    buffer
}

pub fn read(state: &mut HandshakeState, message: &[u8]) {
    state.read_message(message, &mut [0; 1024]).unwrap();
}

/// Both sides from snow with fixed ephemerals: the Noise messages without their frames.
fn fixed() -> Value {
    let (mut i, mut r) = (snow_initiator(&[0x0e; 32]), snow_responder(&[0x0f; 32]));
    let m1 = write(&mut i);
    read(&mut r, &m1);
    let m2 = write(&mut r);
    read(&mut i, &m2);
    let m3 = write(&mut i);
    read(&mut r, &m3);
    let (mut i, mut r) = (i.into_transport_mode().unwrap(), r.into_transport_mode().unwrap());
    let seal = |state: &mut snow::TransportState, text: &[u8]| {
        let mut buffer = vec![0; text.len() + 16];
        state.write_message(text, &mut buffer).unwrap();
        hx(buffer)
    };
    let forward: Vec<Value> =
        ["hello", "again", ""].map(|text| json!({"plain": hx(text), "sealed": seal(&mut i, text.as_bytes())})).into();
    let back: Vec<Value> =
        ["back"].map(|text| json!({"plain": hx(text), "sealed": seal(&mut r, text.as_bytes())})).into();
    json!({"initiator_static": hx(INITIATOR), "responder_static": hx(RESPONDER), "initiator_ephemeral": hx([0x0e; 32]),
           "responder_ephemeral": hx([0x0f; 32]), "responder_public": hx(pair(RESPONDER).public_key().to_bytes()), "psk": hx(psk()),
           "messages": [hx(m1), hx(m2), hx(m3)], "initiator_data": forward, "responder_data": back})
}

/// nym-noise's view of the network: whoever sits at `address` has the key of `secret`.
pub fn config(local: [u8; 32], address: SocketAddr, secret: [u8; 32]) -> NoiseConfig {
    let key = VersionedNoiseKeyV1 { supported_version: NoiseVersion::V1, x25519_pubkey: *pair(secret).public_key() };
    NoiseConfig::new(Arc::new(pair(local)), noise_view(address, key), Duration::from_secs(5))
}

async fn frame(stream: &mut TcpStream) -> Vec<u8> {
    let mut header = [0; 8];
    stream.read_exact(&mut header).await.unwrap();
    let mut body = vec![0; u16::from_be_bytes([header[3], header[4]]) as usize];
    stream.read_exact(&mut body).await.unwrap();
    [&header[..], &body].concat()
}

fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16).to_be_bytes();
    [&[1, 1, kind][..], &length, &[0; 3], body].concat()
}

/// What the Rust side sends once the handshake is over: `hello`, then more than one frame holds.
fn payload() -> Vec<u8> {
    pattern(70_000)
}

async fn rust_initiator() -> Value {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let rust = tokio::spawn(async move {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut connection = upgrade_noise_initiator(stream, &config(INITIATOR, address, RESPONDER)).await.unwrap();
        connection.write_all(b"hello").await.unwrap();
        connection.flush().await.unwrap();
        connection.write_all(&payload()).await.unwrap();
        connection.flush().await.unwrap();
        connection
    });
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut state = snow_responder(&EPHEMERAL);
    let first = frame(&mut stream).await;
    read(&mut state, &first[8..]);
    let second = framed(0, &write(&mut state));
    stream.write_all(&second).await.unwrap();
    let third = frame(&mut stream).await;
    read(&mut state, &third[8..]);
    let hello = frame(&mut stream).await;
    let long = [frame(&mut stream).await, frame(&mut stream).await];
    drop(rust.await.unwrap());
    json!({"initiator_static": hx(INITIATOR), "responder_static": hx(RESPONDER), "responder_ephemeral": hx(EPHEMERAL),
           "frames": [hx(first), hx(second), hx(third)], "data": hx(hello), "plain": hx(b"hello"),
           "long_length": payload().len(), "long_headers": long.clone().map(|d| hx(&d[..8])), "long_sha256": sha(long.concat())})
}

async fn rust_responder() -> Value {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let rust = tokio::spawn(async move {
        let (stream, peer) = listener.accept().await.unwrap();
        let mut connection = upgrade_noise_responder(stream, &config(RESPONDER, peer, INITIATOR)).await.unwrap();
        let mut received = vec![0; 5];
        connection.read_exact(&mut received).await.unwrap();
        connection.write_all(b"welcome").await.unwrap();
        connection.flush().await.unwrap();
        (received, connection)
    });
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut state = snow_initiator(&EPHEMERAL);
    let first = framed(0, &write(&mut state));
    stream.write_all(&first).await.unwrap();
    let second = frame(&mut stream).await;
    read(&mut state, &second[8..]);
    let third = framed(0, &write(&mut state));
    let mut transport = state.into_transport_mode().unwrap();
    let mut sealed = vec![0; 21];
    transport.write_message(b"hello", &mut sealed).unwrap();
    let data = framed(1, &sealed);
    stream.write_all(&[&third[..], &data].concat()).await.unwrap();
    let answer = frame(&mut stream).await;
    let (received, _connection) = rust.await.unwrap();
    assert_eq!(received, b"hello");
    json!({"initiator_static": hx(INITIATOR), "responder_static": hx(RESPONDER), "initiator_ephemeral": hx(EPHEMERAL),
           "frames": [hx(first), hx(second), hx(third)], "data": hx(data), "plain": hx(b"hello"),
           "answer": hx(answer), "answer_plain": hx(b"welcome")})
}
