//! rust-surb.json: SURBs of both kinds of key material, used once, and byte strings that are no SURB.

use crate::common::*;
use crate::line;
use serde_json::{json, Value};
use sphinx_packet::{ProcessedPacketData, SphinxPacket, SURB};

const SURB_SECRET: [u8; 32] = [9; 32];
const PAYLOAD: usize = 2065;

pub fn make(version: u16, hops: usize) -> SURB {
    line::surb(SURB_SECRET, version, hops)
}

pub fn file() -> File {
    let cases: Vec<Value> =
        line::SURB_VERSIONS.iter().flat_map(|version| [1, 4, 5].map(|hops| one(*version, hops))).collect();
    let mut value = json!({"surbs": cases, "not_surbs": not_surbs()});
    line::more_surbs().into_iter().for_each(|(name, entries)| value[name] = entries.into());
    ("rust-surb", value)
}

fn one(version: u16, hops: usize) -> Value {
    let surb = make(version, hops);
    let bytes = surb.to_bytes();
    let reread = SURB::from_bytes(&bytes).unwrap();
    assert_eq!(reread.to_bytes(), bytes);
    let message = pattern(PAYLOAD - 17);
    let (packet, first_hop) = reread.use_surb(&message, PAYLOAD).unwrap();
    let packet = packet.to_bytes();
    json!({
        "name": format!("version {version}, {hops} hops"), "version": version, "surb_secret": hx(SURB_SECRET),
        "node_secrets": secrets_hex(hops), "addresses": addresses_hex(hops), "delays_ns": delays_ns(hops),
        "destination": hx(DESTINATION), "surb": hx(&bytes), "key_seeds": line::uses_key_seeds(&surb),
        "materials": surb.materials_count(), "first_hop": hx(first_hop.as_bytes()), "payload_size": PAYLOAD,
        "message_length": message.len(), "packet_sha256": sha(&packet), "packet_after_each_hop": relay(packet, hops, &message),
    })
}

fn relay(packet: Vec<u8>, hops: usize, message: &[u8]) -> Vec<String> {
    let mut current = packet;
    let mut seen = Vec::new();
    for i in 1..=hops {
        match SphinxPacket::from_bytes(&current).unwrap().process(&node_secret(i)).unwrap().data {
            ProcessedPacketData::ForwardHop { next_hop_packet, .. } => {
                current = next_hop_packet.to_bytes();
                seen.push(sha(&current));
            }
            ProcessedPacketData::FinalHop { payload, .. } => assert_eq!(payload.recover_plaintext().unwrap(), message),
        }
    }
    seen
}

fn not_surbs() -> Vec<Value> {
    let seeds = make(259, 4).to_bytes();
    let full = [&seeds[..380], &[0x5a; 192]].concat();
    [
        ("empty", vec![]),
        ("no key material", seeds[..380].to_vec()),
        ("fifteen bytes of material", seeds[..395].to_vec()),
        ("one seed", seeds[..396].to_vec()),
        ("two seeds and a half", seeds[..420].to_vec()),
        ("six seeds", [&seeds[..], &[0x5a; 32]].concat()),
        ("material of 191 bytes", full[..571].to_vec()),
        ("material of 192 bytes", full.clone()),
        ("material of 193 bytes", [full.clone(), vec![0]].concat()),
    ]
    .into_iter()
    .map(|(name, bytes)| {
        let outcome = SURB::from_bytes(&bytes).map(|_| "ok".to_string()).unwrap_or_else(|e| format!("{:?}", e.kind()));
        json!({"name": name, "bytes": hx(&bytes), "outcome": outcome})
    })
    .collect()
}
