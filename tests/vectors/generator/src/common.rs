//! Fixed inputs shared by all topics, and the few helpers that write hex.

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sphinx_packet::crypto::{PrivateKey, PublicKey};
use sphinx_packet::header::delays::Delay;
use sphinx_packet::route::{Destination, DestinationAddressBytes, Node, NodeAddressBytes};

/// One vector file: its name without the extension, and its content.
pub type File = (&'static str, Value);

pub fn hx(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(bytes)
}

pub fn sha(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(bytes.as_ref()))
}

pub fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// Bytes 0, 1, … 250, 0, 1, …: the message of every vector that only needs some message.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i % 251) as u8).collect()
}

pub const INITIAL_SECRET: [u8; 32] = [7; 32];
pub const DESTINATION: [u8; 32] = [0xd0; 32];

/// Secret of node `i` (1, 2, …): 32 times 0x10 + i.
pub fn node_secret(i: usize) -> PrivateKey {
    PrivateKey::from([0x10 + i as u8; 32])
}

/// 10.0.0.i:1789 in the 32 bytes of a Sphinx hop address.
pub fn node_address(i: usize) -> [u8; 32] {
    let mut address = [0; 32];
    address[..7].copy_from_slice(&[4, 6, 0xfd, 10, 0, 0, i as u8]);
    address
}

pub fn route(hops: usize) -> Vec<Node> {
    (1..=hops)
        .map(|i| Node::new(NodeAddressBytes::from_bytes(node_address(i)), PublicKey::from(&node_secret(i))))
        .collect()
}

/// 15, 30, 45 … ms.
pub fn delays(hops: usize) -> Vec<Delay> {
    (1..=hops as u64).map(|i| Delay::new_from_millis(15 * i)).collect()
}

pub fn delays_ns(hops: usize) -> Vec<u64> {
    delays(hops).iter().map(Delay::to_nanos).collect()
}

pub fn destination() -> Destination {
    Destination::new(DestinationAddressBytes::from_bytes(DESTINATION), [0; 16])
}

pub fn secrets_hex(hops: usize) -> Vec<String> {
    (1..=hops).map(|i| hx(node_secret(i).to_bytes())).collect()
}

pub fn addresses_hex(hops: usize) -> Vec<String> {
    (1..=hops).map(|i| hx(node_address(i))).collect()
}
