//! What the crates of the 1.21 line do in their own way; `line_2.rs` has the same names for those of 2.0.

use crate::common::{delays, destination, route};
use nym_noise::config::NoiseNetworkView;
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
use serde_json::Value;
use sphinx_packet::crypto::PrivateKey;
use sphinx_packet::version::Version;
use sphinx_packet::{SURBMaterial, SURB};
use std::net::SocketAddr;
use std::time::Duration;

pub use nym_api_requests::models::{DeclaredRolesV1, NymNodeDescriptionV1};
pub use nym_api_requests::NymNetworkDetailsResponse as NetworkDetails;
pub use rand::RngCore as Random;

/// What the names of this line's files begin with.
pub const PREFIX: &str = "rust-";
/// Whether this line has the formats of Sphinx version 258: packets, SURBs, and messages with batches V1.
pub const HAS_V1: bool = true;
pub const SURB_VERSIONS: &[u16] = &[258, 259];

pub fn fresh_rng() -> ChaCha20Rng {
    ChaCha20Rng::from_entropy()
}

pub fn keyed_hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    sphinx_packet::crypto::compute_keyed_hmac::<sha2::Sha256>(key, data).into_bytes().to_vec()
}

pub fn surb(secret: [u8; 32], version: u16, hops: usize) -> SURB {
    let material = SURBMaterial::new(route(hops), delays(hops), destination()).with_version(Version::new(version));
    SURB::new(PrivateKey::from(secret), material).unwrap()
}

pub fn uses_key_seeds(surb: &SURB) -> bool {
    surb.uses_key_seeds()
}

/// Sections that only this line's file of SURBs has.
pub fn more_surbs() -> Vec<(&'static str, Vec<Value>)> {
    vec![]
}

/// Messages that only this line refuses, with their names.
pub fn more_refused() -> Vec<(&'static str, Vec<u8>)> {
    vec![]
}

/// Sections that only this line's crates can check.
pub const SECTIONS: &[(&str, crate::verify::Check)] = &[];

pub fn new_data(
    v1: bool,
    data: Vec<u8>,
    tag: AnonymousSenderTag,
    surbs: Vec<ReplySurbWithKeyRotation>,
) -> RepliableMessage {
    RepliableMessage::new_data(v1, data, tag, surbs)
}

pub fn new_additional_surbs(
    v1: bool,
    tag: AnonymousSenderTag,
    surbs: Vec<ReplySurbWithKeyRotation>,
) -> RepliableMessage {
    RepliableMessage::new_additional_surbs(v1, tag, surbs)
}

/// Kind and version of a content, its SURBs, its data.
pub fn parts(content: &RepliableMessageContent) -> (&'static str, &[ReplySurbWithKeyRotation], &[u8]) {
    match content {
        RepliableMessageContent::Data(c) => ("data v1", &c.reply_surbs, &c.message),
        RepliableMessageContent::DataV2(c) => ("data v2", &c.reply_surbs, &c.message),
        RepliableMessageContent::AdditionalSurbs(c) => ("additional v1", &c.reply_surbs, &[]),
        RepliableMessageContent::AdditionalSurbsV2(c) => ("additional v2", &c.reply_surbs, &[]),
        RepliableMessageContent::Heartbeat(c) => ("heartbeat v1", &c.additional_reply_surbs, &[]),
        RepliableMessageContent::HeartbeatV2(c) => ("heartbeat v2", &c.additional_reply_surbs, &[]),
    }
}

pub fn preparer(rng: ChaCha20Rng, sender: Recipient, delay: Duration, legacy: bool) -> MessagePreparer<ChaCha20Rng> {
    MessagePreparer::new(rng, false, sender, delay, delay, legacy, false)
}

pub fn loop_cover(
    rng: &mut ChaCha20Rng,
    legacy: bool,
    topology: &NymRouteProvider,
    ack_key: &nym_sphinx_acknowledgements::AckKey,
    sender: &Recipient,
    delay: Duration,
) -> MixPacket {
    let (size, kind) = (PacketSize::RegularPacket, PacketType::Mix);
    nym_sphinx_cover::generate_loop_cover_packet(rng, legacy, topology, ack_key, sender, delay, delay, size, kind)
        .unwrap()
}

pub fn route_provider(topology: NymTopology) -> NymRouteProvider {
    NymRouteProvider::new(topology, true)
}

/// A network in which the node at `address` has this key.
pub fn noise_view(address: SocketAddr, key: VersionedNoiseKeyV1) -> NoiseNetworkView {
    let view = NoiseNetworkView::new_empty();
    view.swap_view([(address, key)].into());
    view
}
