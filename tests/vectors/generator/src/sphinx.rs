//! rust-sphinx.json: payload keys, Lioness, key chain, packets of every version and size, the relay's side, errors.

use crate::common::*;
use crate::line::keyed_hmac;
use serde_json::{json, Value};
use sphinx_packet::crypto::{generate_pseudorandom_bytes, PrivateKey, PublicKey};
use sphinx_packet::header::keys::KeyMaterial;
use sphinx_packet::payload::{key::derive_payload_key, Payload};
use sphinx_packet::version::Version;
use sphinx_packet::{ProcessedPacketData, SphinxPacket, SphinxPacketBuilder};

const REGULAR: usize = 2065;

pub fn file() -> File {
    (
        "rust-sphinx",
        json!({
            "payload_keys": payload_keys(),
            "primitives": primitives(),
            "payloads": payloads(),
            "key_chains": (1..=5).map(key_chain).collect::<Vec<_>>(),
            "packets": packets(),
            "negatives": negatives(),
        }),
    )
}

/// The second HKDF: a 16-byte seed becomes a 192-byte Lioness key.
fn payload_keys() -> Vec<Value> {
    let ascending: [u8; 16] = std::array::from_fn(|i| i as u8);
    [[0u8; 16], [0xff; 16], ascending]
        .iter()
        .map(|seed| json!({"seed": hx(seed), "key": hx(derive_payload_key(seed))}))
        .collect()
}

fn primitives() -> Value {
    let key: [u8; 16] = std::array::from_fn(|i| i as u8);
    json!({
        "stream": {"key": hx(key), "bytes": hx(generate_pseudorandom_bytes(&key, &[0; 16], 360))},
        "hmac": {"key": hx(key), "data": hx(pattern(300)),
                 "mac": hx(keyed_hmac(&key, &pattern(300)))},
    })
}

fn payloads() -> Vec<Value> {
    let key = |byte: u8| derive_payload_key(&[byte; 16]);
    let mut cases = vec![
        ("empty", 38, vec![]),
        ("ones", 38, vec![1; 21]),
        ("ends in zeros", 38, [vec![5; 9], vec![0; 9]].concat()),
    ];
    for size in [33, 38, 1024, REGULAR, 32785] {
        cases.push(("full", size, pattern(size - 17)));
    }
    cases
        .into_iter()
        .map(|(name, size, message)| {
            let keys = [key(1), key(2), key(3)];
            let mut payload = Payload::encapsulate_message(&message, &keys, size).unwrap();
            let mut layers = vec![record(payload.as_bytes())];
            for key in &keys {
                payload = payload.unwrap(key).unwrap();
                layers.push(record(payload.as_bytes()));
            }
            assert_eq!(payload.recover_plaintext().unwrap(), message);
            json!({"name": name, "size": size, "message": record(&message), "message_length": message.len(),
                   "seeds": ([1, 2, 3].map(|b: u8| hx([b; 16]))), "layers": layers})
        })
        .collect()
}

/// Short byte strings as hex, long ones as their SHA-256.
fn record(bytes: &[u8]) -> String {
    if bytes.len() <= 64 {
        hx(bytes)
    } else {
        format!("sha256:{}", sha(bytes))
    }
}

/// The 288 bytes behind every secret; the type shows them only through `Debug`.
fn expanded_hex(debug: String) -> String {
    let numbers = debug.trim_start_matches("ExpandedSharedSecret([").trim_end_matches("])");
    hx(numbers.split(", ").map(|n| n.parse::<u8>().unwrap()).collect::<Vec<_>>())
}

fn key_chain(hops: usize) -> Value {
    let material = KeyMaterial::derive(&route(hops), &PrivateKey::from(INITIAL_SECRET));
    json!({
        "hops": hops, "initial_secret": hx(INITIAL_SECRET), "node_secrets": secrets_hex(hops),
        "alpha": hx(material.initial_shared_secret.as_bytes()),
        "expanded": material.expanded_shared_secrets.iter().map(|e| expanded_hex(format!("{e:?}"))).collect::<Vec<_>>(),
        "replay_tags": material.expanded_shared_secrets.iter().map(|e| hx(e.replay_tag())).collect::<Vec<_>>(),
    })
}

pub fn build(version: u16, hops: usize, size: usize, message: &[u8]) -> SphinxPacket {
    SphinxPacketBuilder::new()
        .with_version(Version::new(version))
        .with_payload_size(size)
        .with_initial_secret(&PrivateKey::from(INITIAL_SECRET))
        .build_packet(message, &route(hops), &destination(), &delays(hops))
        .unwrap()
}

fn packets() -> Vec<Value> {
    let mut cases = Vec::new();
    for version in [258, 259] {
        for hops in 1..=5 {
            cases.push((version, hops, 38));
            cases.push((version, hops, REGULAR));
        }
        cases.extend([(version, 4, 8209), (version, 4, 16401), (version, 4, 32785)]);
    }
    // 1 and 257 use the old key algebra, which 2.0 no longer has; 256 and 65535 are unknown and treated like 259, and so
    // is 260, known to 2.0.
    cases.extend([1, 257, 256, 260, 65535].map(|version| (version, 4, REGULAR)));
    cases.into_iter().map(|(version, hops, size)| packet(version, hops, size)).collect()
}

/// One packet, and what each of its hops makes of it. Packets longer than a Regular one keep their header only.
fn packet(version: u16, hops: usize, size: usize) -> Value {
    let message = pattern(size - 17);
    let bytes = build(version, hops, size, &message).to_bytes();
    let mut steps = Vec::new();
    let mut current = bytes.clone();
    for i in 1..=hops {
        let (step, next) = process(&current, i);
        steps.push(step);
        current = next;
    }
    let kept = if size <= REGULAR { bytes.len() } else { 348 };
    json!({
        "name": format!("version {version}, {hops} hops, payload {size}"),
        "version": version, "payload_size": size, "initial_secret": hx(INITIAL_SECRET),
        "node_secrets": secrets_hex(hops), "addresses": addresses_hex(hops), "delays_ns": delays_ns(hops),
        "destination": hx(DESTINATION), "message_length": message.len(),
        "start": hx(&bytes[..kept]), "sha256": sha(&bytes), "hops": steps,
    })
}

/// What node `i` reports, and the packet it would send on (empty at the final hop).
fn process(bytes: &[u8], i: usize) -> (Value, Vec<u8>) {
    let packet = SphinxPacket::from_bytes(bytes).unwrap();
    let tag = hx(packet.header.compute_expanded_shared_secret(&node_secret(i)).replay_tag());
    let processed = packet.process(&node_secret(i)).unwrap();
    let version = processed.version.value();
    match processed.data {
        ProcessedPacketData::ForwardHop { next_hop_packet, next_hop_address, delay } => {
            let next = next_hop_packet.to_bytes();
            let step = json!({"replay_tag": tag, "version": version, "next": hx(next_hop_address.as_bytes()),
                              "delay_ns": delay.to_nanos(), "alpha": hx(&next[..32]), "sha256": sha(&next)});
            (step, next)
        }
        ProcessedPacketData::FinalHop { destination, identifier, payload } => {
            let message = payload.recover_plaintext().map(sha).map_err(|e| format!("{:?}", e.kind()));
            let step = json!({"replay_tag": tag, "version": version, "destination": hx(destination.as_bytes()),
                              "identifier": hx(identifier), "message_sha256": message.clone().ok(), "error": message.err()});
            (step, Vec::new())
        }
    }
}

/// Broken packets and the kind of error that each earns at the first hop, or at the last one.
fn negatives() -> Vec<Value> {
    let good = build(259, 2, 38, b"broken on purpose").to_bytes();
    let flipped = |position: usize| {
        let mut bytes = good.clone();
        bytes[position] ^= 0x40;
        bytes
    };
    let mut cases = vec![
        ("alpha flipped", flipped(0)),
        ("gamma flipped", flipped(32)),
        ("first byte of beta flipped", flipped(48)),
        ("last byte of beta flipped", flipped(347)),
        ("payload flipped", flipped(348)),
        ("cut to 364 bytes", good[..364].to_vec()),
        ("cut to 365 bytes", good[..365].to_vec()),
        ("cut to 380 bytes", good[..380].to_vec()),
        ("cut to 381 bytes", good[..381].to_vec()),
        ("empty", Vec::new()),
        ("low-order alpha", low_order()),
        ("unknown flag", crafted(|routing| routing[0] = 3)),
        ("zero flag", crafted(|routing| routing[0] = 0)),
    ];
    cases.push(("intact", good.clone()));
    cases
        .into_iter()
        .map(|(name, bytes)| json!({"name": name, "packet": hx(&bytes), "outcome": outcome(&bytes)}))
        .collect()
}

fn outcome(bytes: &[u8]) -> String {
    let mut current = bytes.to_vec();
    for i in 1..=2 {
        let processed = SphinxPacket::from_bytes(&current).and_then(|packet| packet.process(&node_secret(i)));
        match processed.map(|p| p.data) {
            Err(error) => return format!("hop {i}: {:?}", error.kind()),
            Ok(ProcessedPacketData::ForwardHop { next_hop_packet, .. }) => current = next_hop_packet.to_bytes(),
            Ok(ProcessedPacketData::FinalHop { payload, .. }) => {
                return match payload.recover_plaintext() {
                    Ok(message) => format!("hop {i}: message {}", hx(message)),
                    Err(error) => format!("hop {i}: {:?}", error.kind()),
                }
            }
        }
    }
    "still forwarding".into()
}

/// A one-hop packet to node 1 whose first routing block was changed by `edit` before it was encrypted and MACed again.
fn crafted(edit: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut bytes = build(259, 1, 38, b"crafted").to_bytes();
    let material = KeyMaterial::derive(&route(1), &PrivateKey::from(INITIAL_SECRET));
    let expanded = hex::decode(expanded_hex(format!("{:?}", material.expanded_shared_secrets[0]))).unwrap();
    remake(&mut bytes, &expanded, edit);
    bytes
}

fn remake(bytes: &mut [u8], expanded: &[u8], edit: impl Fn(&mut [u8])) {
    let stream = generate_pseudorandom_bytes(expanded[..16].try_into().unwrap(), &[0; 16], 300);
    let mut routing: Vec<u8> = bytes[48..348].iter().zip(&stream).map(|(a, b)| a ^ b).collect();
    edit(&mut routing);
    let beta: Vec<u8> = routing.iter().zip(&stream).map(|(a, b)| a ^ b).collect();
    bytes[48..348].copy_from_slice(&beta);
    let mac = keyed_hmac(&expanded[16..32], &beta);
    bytes[32..48].copy_from_slice(&mac[..16]);
}

/// A header whose alpha is the zero point, MACed under the keys that an all-zero shared secret expands to.
fn low_order() -> Vec<u8> {
    let zero_point = PublicKey::from([0u8; 32]);
    let node = sphinx_packet::route::Node::new(
        sphinx_packet::route::NodeAddressBytes::from_bytes(node_address(1)),
        zero_point,
    );
    let material = KeyMaterial::derive(&[node], &PrivateKey::from(INITIAL_SECRET));
    let expanded = hex::decode(expanded_hex(format!("{:?}", material.expanded_shared_secrets[0]))).unwrap();
    let mut bytes = build(259, 1, 38, b"low order").to_bytes();
    bytes[..32].fill(0);
    remake(&mut bytes, &expanded, |routing| {
        routing.fill(0);
        routing[0] = 2;
        routing[2..4].copy_from_slice(&259u16.to_be_bytes());
    });
    bytes
}
