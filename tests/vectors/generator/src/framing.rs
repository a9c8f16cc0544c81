//! rust-framing.json: frames between nodes, MixPackets inside gateway requests, and streams that earn an error.

use crate::common::*;
use bytes::BytesMut;
use nym_sphinx_addressing::nodes::NymNodeRoutingAddress;
use nym_sphinx_forwarding::packet::MixPacket;
use nym_sphinx_framing::codec::{NymCodec, NymCodecError};
use nym_sphinx_framing::packet::FramedNymPacket;
use nym_sphinx_params::{PacketSize, PacketType, SphinxKeyRotation};
use nym_sphinx_types::NymPacket;
use serde_json::{json, Value};
use tokio_util::codec::{Decoder, Encoder};

const SIZES: [PacketSize; 5] = [
    PacketSize::AckPacket,
    PacketSize::RegularPacket,
    PacketSize::ExtendedPacket8,
    PacketSize::ExtendedPacket16,
    PacketSize::ExtendedPacket32,
];

pub fn file() -> File {
    (
        "rust-framing",
        json!({
            "frames": SIZES.iter().flat_map(|size| [false, true].map(|legacy| frame(*size, legacy))).collect::<Vec<_>>(),
            "streams": streams(),
            "mix_packets": SIZES.iter().flat_map(|size| ["10.0.0.1:1789", "[2001:db8::1]:1789"].map(|hop| mix_packet(*size, hop))).collect::<Vec<_>>(),
            "bad_mix_packets": bad_mix_packets(),
        }),
    )
}

/// A packet of a size: bytes 0, 1, … behind nothing real, since framing does not look inside.
fn packet(size: PacketSize) -> NymPacket {
    NymPacket::sphinx_from_bytes(&pattern(size.size())).unwrap()
}

fn encode(frame: FramedNymPacket) -> Vec<u8> {
    let mut buffer = BytesMut::new();
    NymCodec.encode(frame, &mut buffer).unwrap();
    buffer.to_vec()
}

fn frame(size: PacketSize, legacy: bool) -> Value {
    let frame = FramedNymPacket::new(packet(size), PacketType::Mix, SphinxKeyRotation::EvenRotation, legacy);
    let bytes = encode(frame);
    let header = bytes.len() - size.size();
    json!({"size": size.to_string(), "version": bytes[0], "rotation": 2, "header": hx(&bytes[..header]), "length": bytes.len(), "sha256": sha(&bytes)})
}

/// Frames that the decoder finds in a byte stream fed one byte at a time, and the error that ends it.
fn decode(stream: &[u8]) -> Value {
    let mut buffer = BytesMut::new();
    let mut frames = Vec::new();
    for byte in stream {
        buffer.extend_from_slice(&[*byte]);
        match NymCodec.decode(&mut buffer) {
            Ok(None) => (),
            Ok(Some(frame)) => frames.push(json!({
                "version": frame.header().packet_version.as_u8(), "size": frame.packet_size().to_string(),
                "rotation": frame.key_rotation() as u8, "sha256": sha(frame.packet().to_bytes().unwrap()),
            })),
            Err(error) => return json!({"frames": frames, "error": kind(&error)}),
        }
    }
    json!({"frames": frames, "error": null, "left": buffer.len()})
}

fn kind(error: &NymCodecError) -> String {
    format!("{error:?}").split(['(', ' ', '{']).next().unwrap().to_string()
}

fn streams() -> Vec<Value> {
    let ack = pattern(386);
    let frame = |header: &[u8]| [header, &ack].concat();
    let cases = vec![
        ("v7 ack", frame(&[7, 2, 0])),
        ("v8 ack, unknown rotation", frame(&[8, 2, 0, 0])),
        ("v8 ack, odd rotation", frame(&[8, 2, 0, 1])),
        ("v8 then v7 then v8", [frame(&[8, 2, 0, 2]), frame(&[7, 2, 0]), frame(&[8, 2, 0, 1])].concat()),
        ("half a frame", frame(&[8, 2, 0, 0])[..200].to_vec()),
        ("a frame and two bytes", [frame(&[7, 2, 0]), vec![7, 2]].concat()),
        ("version 6", frame(&[6, 2, 0])),
        ("version 9", frame(&[9, 2, 0, 0])),
        ("version 0", frame(&[0, 2, 0])),
        ("size tag 0", frame(&[7, 0, 0])),
        ("size tag 8", frame(&[8, 8, 0, 0])),
        ("packet type 1", frame(&[8, 2, 1, 0])),
        ("packet type 3", frame(&[7, 2, 3])),
        ("rotation 3", frame(&[8, 2, 0, 3])),
        ("good, then version 6", [frame(&[7, 2, 0]), vec![6, 2, 0]].concat()),
    ];
    cases
        .into_iter()
        .map(|(name, stream)| {
            // The packet inside is always the same, so the headers and the length say everything.
            json!({"name": name, "stream": shorten(&stream, &ack), "outcome": decode(&stream)})
        })
        .collect()
}

/// Hex of a stream, with the 386 bytes of `ack` written as "ACK" and a part of it as "ACK[..n]".
fn shorten(stream: &[u8], ack: &[u8]) -> Vec<String> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut position = 0;
    while position < stream.len() {
        let rest = stream.len() - position;
        let same = rest.min(ack.len());
        if same > 16 && stream[position..position + same] == ack[..same] {
            parts.push(hx(&stream[start..position]));
            parts.push(if same == ack.len() { "ACK".into() } else { format!("ACK[:{same}]") });
            position += same;
            start = position;
        } else {
            position += 1;
        }
    }
    parts.push(hx(&stream[start..]));
    parts
}

fn mix_packet(size: PacketSize, hop: &str) -> Value {
    let address = NymNodeRoutingAddress::from(hop.parse::<std::net::SocketAddr>().unwrap());
    let new = || MixPacket::new(address, packet(size), PacketType::Mix, SphinxKeyRotation::OddRotation);
    let v1 = new().into_v1_bytes().unwrap();
    let v2 = new().into_v2_bytes().unwrap();
    assert_eq!(MixPacket::try_from_v1_bytes(&v1).unwrap().key_rotation(), SphinxKeyRotation::Unknown);
    assert_eq!(MixPacket::try_from_v2_bytes(&v2).unwrap().key_rotation(), SphinxKeyRotation::OddRotation);
    json!({"size": size.to_string(), "next_hop": hop, "rotation": 1,
           "v1": {"prefix": hx(&v1[..v1.len() - size.size()]), "sha256": sha(&v1)},
           "v2": {"prefix": hx(&v2[..v2.len() - size.size()]), "sha256": sha(&v2)}})
}

fn bad_mix_packets() -> Vec<Value> {
    let hop = [4, 6, 0xfd, 10, 0, 0, 1];
    let with = |prefix: &[u8], length: usize| [prefix, &pattern(length)].concat();
    let v1 = |kind: u8| [&[kind][..], &hop].concat();
    let v2 = |kind: u8, rotation: u8| [&[kind, rotation][..], &hop].concat();
    let cases = vec![
        (1, "v1, ack", v1(0), 386),
        (1, "v1, empty", vec![], 0),
        (1, "v1, one byte", vec![0], 0),
        (1, "v1, address cut", vec![0, 4, 6], 0),
        (1, "v1, type 1", v1(1), 386),
        (1, "v1, unknown length", v1(0), 387),
        (1, "v1, no packet", v1(0), 0),
        (1, "v1, IPv5", vec![0, 5, 6, 0xfd, 10, 0, 0, 1], 386),
        (2, "v2, ack", v2(0, 2), 386),
        (2, "v2, two bytes", vec![0, 0], 0),
        (2, "v2, rotation 3", v2(0, 3), 386),
        (2, "v2, type 1", v2(1, 0), 386),
        (2, "v2, unknown length", v2(0, 0), 385),
    ];
    cases
        .into_iter()
        .map(|(version, name, prefix, length)| {
            let bytes = with(&prefix, length);
            let parsed = if version == 1 { MixPacket::try_from_v1_bytes(&bytes) } else { MixPacket::try_from_v2_bytes(&bytes) };
            json!({"version": version, "name": name, "prefix": hx(prefix), "packet_length": length, "accepted": parsed.is_ok()})
        })
        .collect()
}
