//! What the crates of the 2.0 line do in their own way; `line_1.rs` has the same names for those of 1.21. Only this line
//! has SURBs of Sphinx version 260.

use crate::common::*;
use crate::verify::{bytes, failed, same, secret, text, Outcome};
use nym_noise::config::{NoiseNetworkView, NoiseNode};
use nym_noise_keys::VersionedNoiseKeyV1;
use nym_sphinx::preparer::MessagePreparer;
use nym_sphinx_addressing::clients::Recipient;
use nym_sphinx_anonymous_replies::requests::{AnonymousSenderTag, RepliableMessage, RepliableMessageContent};
use nym_sphinx_anonymous_replies::ReplySurbWithKeyRotation;
use nym_sphinx_forwarding::packet::MixPacket;
use nym_sphinx_params::{PacketSize, PacketType};
use nym_topology::{NymRouteProvider, NymTopology};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use serde_json::{json, Value};
use sphinx_packet::crypto::PrivateKey;
use sphinx_packet::payload::Payload;
use sphinx_packet::route::{Destination, DestinationAddressBytes};
use sphinx_packet::version::Version;
use sphinx_packet::{ProcessedPacketData, SURBMaterial, SphinxPacket, SurbReplyRecovery, SURB};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use nym_api_requests::models::described::{type_translation::DeclaredRolesV1, v1::NymNodeDescriptionV1};
pub use nym_api_requests::NymNetworkDetailsV1Response as NetworkDetails;
pub use rand::Rng as Random;

pub const PREFIX: &str = "rust-2.0-";
pub const HAS_V1: bool = false;
pub const SURB_VERSIONS: &[u16] = &[259];
const RECOVERABLE: u16 = 260;
const IDENTIFIER: [u8; 16] = [0x1d; 16];
const SURB_SECRET: [u8; 32] = [9; 32];
const PAYLOAD: usize = 2065;

pub fn fresh_rng() -> ChaCha20Rng {
    ChaCha20Rng::from_rng(&mut rand::rng())
}

pub fn keyed_hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    sphinx_packet::crypto::compute_keyed_hmac::<sha2::Sha256>(key, data).unwrap().into_bytes().to_vec()
}

pub fn surb(secret: [u8; 32], version: u16, hops: usize) -> SURB {
    let material = SURBMaterial::new(route(hops), delays(hops), destination(), Version::new(version));
    SURB::new(PrivateKey::from(secret), material).unwrap()
}

/// Full keys are gone from this line.
pub fn uses_key_seeds(_: &SURB) -> bool {
    true
}

pub fn more_surbs() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        ("recoverable", (1..=5).map(recoverable).collect()),
        ("not_recoveries", not_recoveries()),
        ("not_made", not_made()),
    ]
}

fn make_recoverable(hops: usize, identifier: [u8; 16]) -> sphinx_packet::Result<(SURB, SurbReplyRecovery)> {
    let destination = Destination::new(DestinationAddressBytes::from_bytes(DESTINATION), identifier);
    let material = SURBMaterial::new(route(hops), delays(hops), destination, Version::new(RECOVERABLE));
    SURB::new_recoverable(PrivateKey::from(SURB_SECRET), material)
}

/// A SURB that only its maker can read, the packet made with it at every hop, and what the maker makes of the last.
fn recoverable(hops: usize) -> Value {
    let (surb, recovery) = make_recoverable(hops, IDENTIFIER).unwrap();
    let bytes = surb.to_bytes();
    let reread = SURB::from_bytes(&bytes).unwrap();
    let materials = reread.materials_count();
    let message = pattern(PAYLOAD - 17);
    let (packet, first_hop) = reread.use_surb(&message, PAYLOAD).unwrap();
    let sent = packet.to_bytes();
    let (seen, identifier, sealed) = carry(packet, &(1..=hops).map(node_secret).collect::<Vec<_>>()).unwrap();
    let sealed_sha256 = sha(sealed.as_bytes());
    assert_eq!(recovery.recover_plaintext(sealed).unwrap(), message);
    json!({
        "name": format!("{hops} hops"), "hops": hops, "surb_secret": hx(SURB_SECRET), "node_secrets": secrets_hex(hops),
        "addresses": addresses_hex(hops), "delays_ns": delays_ns(hops), "destination": hx(DESTINATION),
        "identifier": hx(identifier), "surb": hx(&bytes), "materials": materials, "recovery": hx(recovery.to_bytes()),
        "first_hop": hx(first_hop.as_bytes()), "payload_size": PAYLOAD, "message_length": message.len(),
        "packet_sha256": sha(sent), "packet_after_each_hop": seen, "sealed_sha256": sealed_sha256,
    })
}

type Arrived = (Vec<String>, [u8; 16], Payload);

/// Over all nodes; every one of them must see version 260.
fn carry(packet: SphinxPacket, nodes: &[PrivateKey]) -> Result<Arrived, String> {
    let (mut current, mut seen) = (packet, Vec::new());
    for node in nodes {
        let processed = current.process(node).map_err(failed)?;
        same("version", processed.version.value(), RECOVERABLE)?;
        match processed.data {
            ProcessedPacketData::ForwardHop { next_hop_packet, .. } => {
                seen.push(sha(next_hop_packet.to_bytes()));
                current = next_hop_packet;
            }
            ProcessedPacketData::FinalHop { identifier, payload, .. } => return Ok((seen, identifier, payload)),
        }
    }
    Err("still forwarding".into())
}

fn not_recoveries() -> Vec<Value> {
    [0, 15, 16, 31, 32, 33, 47, 48, 96, 97, 112, 208]
        .into_iter()
        .map(|length| json!({"length": length, "accepted": SurbReplyRecovery::from_bytes(&pattern(length)).is_ok()}))
        .collect()
}

/// What the crate does not let a maker ask for.
fn not_made() -> Vec<Value> {
    let material = SURBMaterial::new(route(4), delays(4), destination(), Version::new(RECOVERABLE));
    let plain = SURB::new(PrivateKey::from(SURB_SECRET), material);
    vec![
        json!({"name": "without its recovery", "made": plain.is_ok()}),
        json!({"name": "an identifier of zeros", "made": make_recoverable(4, [0; 16]).is_ok()}),
        json!({"name": "intact", "made": make_recoverable(4, IDENTIFIER).is_ok()}),
    ]
}

/// V1: type 1, a sender tag, the tag of the content, a count of four bytes.
pub fn more_refused() -> Vec<(&'static str, Vec<u8>)> {
    let v1 = |tag: u8, data: &[u8]| [&[1][..], &[0xee; 16], &[tag], &[0; 4], data].concat();
    vec![
        ("repliable v1, no SURB", v1(0, b"hi")),
        ("additional SURBs v1, no SURB", v1(1, b"")),
        ("heartbeat v1, no SURB", v1(2, b"")),
    ]
}

pub const SECTIONS: &[(&str, crate::verify::Check)] = &[("recoverable_surbs", recoverable_surb)];

/// A SURB and a recovery of Python's: the crate spends the one, carries the packet, and reads it with the other.
fn recoverable_surb(entry: &Value) -> Outcome {
    let surb = SURB::from_bytes(&bytes(entry, "surb")).map_err(failed)?;
    same("materials", surb.materials_count(), 1)?;
    let recovery = SurbReplyRecovery::from_bytes(&bytes(entry, "recovery")).map_err(failed)?;
    let message = pattern(entry["message_length"].as_u64().unwrap() as usize);
    let size = entry["payload_size"].as_u64().unwrap() as usize;
    let (packet, _) = surb.use_surb(&message, size).map_err(failed)?;
    same("packet", sha(packet.to_bytes()).as_str(), text(entry, "packet_sha256"))?;
    let nodes: Vec<PrivateKey> =
        entry["node_secrets"].as_array().unwrap().iter().map(|node| secret(node.as_str().unwrap())).collect();
    let (_, identifier, sealed) = carry(packet, &nodes)?;
    same("identifier", &identifier, recovery.identifier())?;
    same("hops", recovery.num_hops(), nodes.len())?;
    same("message", sha(recovery.recover_plaintext(sealed).map_err(failed)?), sha(message))
}

pub fn new_data(
    _: bool,
    data: Vec<u8>,
    tag: AnonymousSenderTag,
    surbs: Vec<ReplySurbWithKeyRotation>,
) -> RepliableMessage {
    RepliableMessage::new_data(data, tag, surbs)
}

pub fn new_additional_surbs(
    _: bool,
    tag: AnonymousSenderTag,
    surbs: Vec<ReplySurbWithKeyRotation>,
) -> RepliableMessage {
    RepliableMessage::new_additional_surbs(tag, surbs)
}

pub fn parts(content: &RepliableMessageContent) -> (&'static str, &[ReplySurbWithKeyRotation], &[u8]) {
    match content {
        RepliableMessageContent::DataV2(c) => ("data v2", &c.reply_surbs, &c.message),
        RepliableMessageContent::AdditionalSurbsV2(c) => ("additional v2", &c.reply_surbs, &[]),
        RepliableMessageContent::HeartbeatV2(c) => ("heartbeat v2", &c.additional_reply_surbs, &[]),
    }
}

pub fn preparer(rng: ChaCha20Rng, sender: Recipient, delay: Duration, _: bool) -> MessagePreparer<ChaCha20Rng> {
    MessagePreparer::new(rng, false, sender, delay, delay, false)
}

pub fn loop_cover(
    rng: &mut ChaCha20Rng,
    _: bool,
    topology: &NymRouteProvider,
    ack_key: &nym_sphinx_acknowledgements::AckKey,
    sender: &Recipient,
    delay: Duration,
) -> MixPacket {
    let (size, kind) = (PacketSize::RegularPacket, PacketType::Mix);
    nym_sphinx_cover::generate_loop_cover_packet(rng, topology, ack_key, sender, delay, delay, size, kind).unwrap()
}

pub fn route_provider(topology: NymTopology) -> NymRouteProvider {
    NymRouteProvider::new(Arc::new(topology), true)
}

pub fn noise_view(address: SocketAddr, key: VersionedNoiseKeyV1) -> NoiseNetworkView {
    NoiseNetworkView::new([(address.ip(), NoiseNode::new_nym_node(key))].into())
}
