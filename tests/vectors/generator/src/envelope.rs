//! rust-envelope.json: whole packets as a Rust client makes them, on a topology whose secrets are known, and what a
//! Rust gateway and a Rust client take out of them.

use crate::common::*;
use crate::layer::{ack_key, identity, recipient};
use crate::line;
use crate::messages::reply_surbs;
use nym_crypto::asymmetric::x25519;
use nym_mixnet_contract_common::{EpochRewardedSet, RewardedSet};
use nym_sphinx::message::NymMessage;
use nym_sphinx::preparer::MessagePreparer;
use nym_sphinx::receiver::{MessageReceiver, SphinxMessageReceiver};
use nym_sphinx_addressing::clients::Recipient;
use nym_sphinx_anonymous_replies::requests::ReplyMessage;
use nym_sphinx_cover::is_cover;
use nym_sphinx_forwarding::packet::MixPacket;
use nym_sphinx_framing::packet::FramedNymPacket;
use nym_sphinx_framing::processing::{process_framed_packet, MixProcessingResultData};
use nym_sphinx_params::{PacketSize, PacketType, SphinxKeyRotation};
use nym_topology::node::{RoutingNode, SupportedRoles};
use nym_topology::{NymRouteProvider, NymTopology, NymTopologyMetadata};
use rand_chacha::ChaCha20Rng;
use serde_json::{json, Value};
use std::time::Duration;

const ACK_KEY: u8 = 0x44;
const MEAN_DELAY: Duration = Duration::from_millis(15);
pub const SENDER_GATEWAY: u8 = 5;
pub const RECIPIENT_GATEWAY: u8 = 4;

/// Nodes 1 to 3 are the layers, 4 and 5 gateways; node i has the identity of seed i.
fn topology(rotation_id: u32) -> NymRouteProvider {
    let node = |i: u8| RoutingNode {
        node_id: i as u32,
        mix_host: format!("10.0.0.{i}:1789").parse().unwrap(),
        entry: None,
        identity_key: identity(i).public_key(),
        sphinx_key: x25519::PrivateKey::from_secret(node_secret(i as usize).to_bytes()).public_key(),
        supported_roles: SupportedRoles { mixnode: i < 4, mixnet_entry: i > 3, mixnet_exit: i > 3 },
    };
    let assignment = RewardedSet {
        entry_gateways: vec![4, 5],
        exit_gateways: vec![],
        layer1: vec![1],
        layer2: vec![2],
        layer3: vec![3],
        standby: vec![],
    };
    let metadata = NymTopologyMetadata::new(rotation_id, 130, time::OffsetDateTime::UNIX_EPOCH);
    let topology =
        NymTopology::new(metadata, EpochRewardedSet { epoch_id: 130, assignment }, (1..=5).map(node).collect());
    line::route_provider(topology)
}

fn sender() -> Recipient {
    recipient(0xa1, 0xa2, SENDER_GATEWAY)
}

pub fn receiver() -> Recipient {
    recipient(0xb1, 0xb2, RECIPIENT_GATEWAY)
}

pub fn file() -> File {
    (
        "rust-envelope",
        json!({
            "node_secrets": secrets_hex(5), "node_addresses": addresses_hex(5), "ack_key": hx([ACK_KEY; 16]),
            "sender": sender().to_string(), "sender_encryption_secret": hx([0xa2; 32]),
            "receiver": receiver().to_string(), "receiver_encryption_secret": hx([0xb2; 32]),
            "data": [data(false, 3, PacketSize::RegularPacket, 100), data(line::HAS_V1, 2, PacketSize::RegularPacket, 1602),
                     data(false, 0, PacketSize::ExtendedPacket8, 5000)],
            "replies": line::SURB_VERSIONS.iter().rev().map(|version| reply(*version)).collect::<Vec<_>>(),
            "cover": if line::HAS_V1 { vec![cover(false), cover(true)] } else { vec![cover(false)] },
        }),
    )
}

fn preparer(legacy: bool) -> MessagePreparer<ChaCha20Rng> {
    line::preparer(rng(0x51), sender(), MEAN_DELAY, legacy)
}

fn data(legacy: bool, rotation_id: u32, size: PacketSize, length: usize) -> Value {
    let mut preparer = preparer(legacy);
    let message = NymMessage::new_plain(pattern(length));
    let fragment = preparer.pad_and_split_message(message, size).remove(0);
    let fragment_bytes = fragment.clone().into_bytes();
    let prepared = preparer
        .prepare_chunk_for_sending(fragment, &topology(rotation_id), &ack_key(ACK_KEY), &receiver(), PacketType::Mix)
        .unwrap();
    let rotation = SphinxKeyRotation::from(rotation_id);
    let mut value = travel(prepared.mix_packet, rotation, RECIPIENT_GATEWAY);
    value["fragment_id"] = hx(prepared.fragment_identifier.to_bytes()).into();
    value["total_delay_ns"] = prepared.total_delay.to_nanos().into();
    value["fragment_sha256"] = sha(&fragment_bytes).into();
    value["message"] = hx(pattern(length)).into();
    value["name"] = format!("legacy format {legacy}, rotation {rotation_id}, {size}").into();

    let mut content = hex::decode(value["content"].as_str().unwrap()).unwrap();
    let client = SphinxMessageReceiver::new();
    let secret = x25519::PrivateKey::from_secret([0xb2; 32]);
    let opened = client.recover_plaintext_from_regular_packet(&secret, &mut content).unwrap().to_vec();
    assert_eq!(opened, fragment_bytes);
    value
}

fn reply(surb_version: u16) -> Value {
    let rotation = SphinxKeyRotation::OddRotation;
    let surb = reply_surbs(surb_version, 1, rotation).remove(0);
    let mut preparer = preparer(false);
    let message = NymMessage::new_reply(ReplyMessage::new_data_message(b"pong".to_vec()));
    let fragment = preparer.pad_and_split_message(message, PacketSize::RegularPacket).remove(0);
    let fragment_bytes = fragment.clone().into_bytes();
    let surb_bytes = surb.inner_reply_surb().to_bytes();
    let prepared = preparer
        .prepare_reply_chunk_for_sending(fragment, &topology(3), &ack_key(ACK_KEY), surb, PacketType::Mix)
        .unwrap();
    let mut value = travel(prepared.mix_packet, rotation, RECIPIENT_GATEWAY);
    value["name"] = format!("over a SURB of version {surb_version}").into();
    value["reply_surb"] = hx(surb_bytes).into();
    value["fragment_id"] = hx(prepared.fragment_identifier.to_bytes()).into();
    value["fragment_sha256"] = sha(fragment_bytes).into();
    value
}

fn cover(legacy: bool) -> Value {
    let packet = line::loop_cover(&mut rng(0x52), legacy, &topology(3), &ack_key(ACK_KEY), &sender(), MEAN_DELAY);
    let mut value = travel(packet, SphinxKeyRotation::OddRotation, SENDER_GATEWAY);
    value["name"] = format!("loop cover, legacy format {legacy}").into();
    let mut content = hex::decode(value["content"].as_str().unwrap()).unwrap();
    let secret = x25519::PrivateKey::from_secret([0xa2; 32]);
    let opened =
        SphinxMessageReceiver::new().recover_plaintext_from_regular_packet(&secret, &mut content).unwrap().to_vec();
    assert!(is_cover(&opened));
    value["plaintext_sha256"] = sha(opened).into();
    value
}

/// The MixPacket in both encodings, every hop's view, what the gateway delivers, and the ack on its own way home.
fn travel(packet: MixPacket, rotation: SphinxKeyRotation, gateway: u8) -> Value {
    assert_eq!(packet.key_rotation(), rotation);
    let sphinx = packet.packet().to_bytes().unwrap();
    let hop = packet.next_hop();
    let again = || {
        MixPacket::new(hop, nym_sphinx_types::NymPacket::sphinx_from_bytes(&sphinx).unwrap(), PacketType::Mix, rotation)
    };
    let v1 = again().into_v1_bytes().unwrap();
    let v2 = again().into_v2_bytes().unwrap();
    let (steps, content, destination, ack) = relay(packet, [1, 2, 3, gateway]);
    let ack = ack.expect("a data packet encloses an ack");
    let ack_bytes = ack.packet().to_bytes().unwrap();
    let ack_hop = hx(ack.next_hop().as_bytes());
    let ack_rotation = ack.key_rotation() as u8;
    let (ack_steps, ack_content, ack_destination, none) = relay(ack, [1, 2, 3, SENDER_GATEWAY]);
    assert!(none.is_none());
    json!({
        "v1_prefix": hx(&v1[..v1.len() - sphinx.len()]), "v2": hx(v2), "rotation": rotation as u8, "hops": steps,
        "destination": destination, "content": hx(content),
        "ack": {"packet": hx(ack_bytes), "next_hop": ack_hop, "rotation": ack_rotation, "hops": ack_steps,
                "destination": ack_destination, "content": hx(ack_content)},
    })
}

type Delivered = (Vec<Value>, Vec<u8>, String, Option<MixPacket>);

fn relay(packet: MixPacket, nodes: [u8; 4]) -> Delivered {
    let mut current = packet;
    let mut steps = Vec::new();
    for node in nodes {
        assert_eq!(current.next_hop().to_string(), format!("10.0.0.{node}:1789"));
        let framed = FramedNymPacket::from_mix_packet(current, false);
        let processed = process_framed_packet(framed, &node_secret(node as usize)).unwrap();
        let version = processed.packet_version.to_string();
        match processed.processing_data {
            MixProcessingResultData::ForwardHop { packet, delay } => {
                steps.push(json!({"node": node, "version": version, "delay_ns": delay.unwrap().to_nanos()}));
                current = packet;
            }
            MixProcessingResultData::FinalHop { final_hop_data } => {
                steps.push(json!({"node": node, "version": version}));
                let destination = hx(final_hop_data.destination.as_bytes());
                return (steps, final_hop_data.message, destination, final_hop_data.forward_ack);
            }
        }
    }
    unreachable!("the fourth node is the last")
}
