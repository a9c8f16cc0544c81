//! Decoders of what travels through the mixnet. Node 1, the ack key, the recipient and the reply key are those of the
//! vectors.

use super::{text, Decoder};
use crate::common::*;
use crate::layer::ack_key;
use crate::line;
use bytes::BytesMut;
use nym_crypto::asymmetric::x25519;
use nym_sphinx::message::{NymMessage, PaddedMessage};
use nym_sphinx::receiver::{MessageReceiver, SphinxMessageReceiver};
use nym_sphinx_acknowledgements::identifier::recover_identifier;
use nym_sphinx_acknowledgements::surb_ack::SurbAck;
use nym_sphinx_addressing::clients::Recipient;
use nym_sphinx_addressing::nodes::NymNodeRoutingAddress;
use nym_sphinx_anonymous_replies::requests::ReplyMessageContent;
use nym_sphinx_anonymous_replies::{ReplySurbWithKeyRotation, SurbEncryptionKey};
use nym_sphinx_chunking::fragment::Fragment;
use nym_sphinx_cover::is_cover;
use nym_sphinx_forwarding::packet::MixPacket;
use nym_sphinx_framing::codec::NymCodec;
use nym_sphinx_params::PacketType;
use serde_json::{json, Value};
use sphinx_packet::{ProcessedPacketData, SphinxPacket, SURB};
use tokio_util::codec::Decoder as _;

pub const DECODERS: &[(&str, Decoder)] = &[
    ("sphinx_packet", sphinx_packet),
    ("surb", surb),
    ("message", message),
    ("fragment", fragment),
    ("ack", ack),
    ("ack_blob", ack_blob),
    ("content", content),
    ("node_address", node_address),
    ("recipient_text", recipient_text),
    ("recipient_bytes", recipient_bytes),
    ("frames", frames),
    ("mix_packet_v1", mix_packet_v1),
    ("mix_packet_v2", mix_packet_v2),
];

const ACK_CONTENT: usize = 21;
const REPLY_KEY: [u8; 16] = [0x33; 16];

/// What node 1 makes of a packet.
fn sphinx_packet(input: &[u8]) -> Option<Value> {
    let packet = SphinxPacket::from_bytes(input).ok()?;
    let tag = hx(packet.header.compute_expanded_shared_secret(&node_secret(1)).replay_tag());
    let processed = packet.process(&node_secret(1)).ok()?;
    let version = processed.version.value();
    match processed.data {
        ProcessedPacketData::ForwardHop { next_hop_packet, next_hop_address, delay } => {
            let next = NymNodeRoutingAddress::try_from(next_hop_address).ok()?;
            Some(json!({"tag": tag, "version": version, "next": hx(next.as_bytes()), "delay": delay.to_nanos(),
                        "packet": sha(next_hop_packet.to_bytes())}))
        }
        ProcessedPacketData::FinalHop { destination, payload, .. } => {
            let message = payload.recover_plaintext().ok()?;
            Some(
                json!({"tag": tag, "version": version, "destination": hx(destination.as_bytes()), "message": hx(message)}),
            )
        }
    }
}

fn surb(input: &[u8]) -> Option<Value> {
    let surb = SURB::from_bytes(input).ok()?;
    let (materials, seeds) = (surb.materials_count(), line::uses_key_seeds(&surb));
    let (packet, first_hop) = surb.use_surb(b"fuzz", 38).ok()?;
    let first_hop = NymNodeRoutingAddress::try_from(first_hop).ok()?;
    Some(
        json!({"materials": materials, "seeds": seeds, "first_hop": hx(first_hop.as_bytes()), "packet": sha(packet.to_bytes())}),
    )
}

/// Their rotations, and digests of all their bytes but for what pads the first hop.
fn surbs(list: &[ReplySurbWithKeyRotation]) -> Option<Value> {
    let digest = |surb: &ReplySurbWithKeyRotation| {
        let bytes = surb.inner_reply_surb().to_bytes();
        let (head, tail) = bytes.split_at(16 + 348);
        let first_hop = NymNodeRoutingAddress::try_from_bytes(&tail[..32]).ok()?;
        Some(sha([head, &first_hop.as_bytes(), &tail[32..]].concat()))
    };
    list.iter().map(|surb| Some(json!({"rotation": surb.key_rotation() as u8, "sha256": digest(surb)?}))).collect()
}

/// A whole message with its padding.
fn message(input: &[u8]) -> Option<Value> {
    Some(match PaddedMessage::new_reconstructed(input.to_vec()).remove_padding().ok()? {
        NymMessage::Plain(data) => json!({"kind": "plain", "data": hx(data)}),
        NymMessage::Repliable(repliable) => {
            let (kind, list, data) = line::parts(&repliable.content);
            let kind = kind.split(' ').next();
            json!({"kind": kind, "tag": hx(repliable.sender_tag.to_bytes()), "surbs": surbs(list)?, "data": hx(data)})
        }
        NymMessage::Reply(reply) => match reply.content {
            ReplyMessageContent::Data { message } => json!({"kind": "reply", "data": hx(message)}),
            ReplyMessageContent::SurbRequest { recipient, amount } => {
                json!({"kind": "request", "recipient": hx(recipient.to_bytes()), "amount": amount})
            }
        },
    })
}

fn fragment_value(fragment: &Fragment) -> Value {
    let link = fragment.previous_fragments_set_id().or(fragment.next_fragments_set_id());
    json!({"set": fragment.id(), "total": fragment.total_fragments(), "number": fragment.current_fragment(),
           "link": link, "payload": sha(fragment.payload())})
}

fn fragment(input: &[u8]) -> Option<Value> {
    Fragment::try_from_bytes(input).ok().as_ref().map(fragment_value)
}

fn ack(input: &[u8]) -> Option<Value> {
    recover_identifier(&ack_key(0x44), input).map(|id| json!(hx(id)))
}

fn ack_blob(input: &[u8]) -> Option<Value> {
    let length = SurbAck::len(Some(PacketType::Mix));
    let (blob, rest) = (input.get(..length)?, &input[length..]);
    let (first_hop, packet) = SurbAck::try_recover_first_hop_packet(blob, PacketType::Mix).ok()?;
    Some(json!({"first_hop": hx(first_hop.as_bytes()), "packet": sha(packet.to_bytes().ok()?), "rest": sha(rest)}))
}

/// What a client finds in a pushed content, in the order in which the client asks.
fn content(input: &[u8]) -> Option<Value> {
    if input.len() == ACK_CONTENT {
        return ack(input);
    }
    let client = SphinxMessageReceiver::new();
    let reply_key = SurbEncryptionKey::try_from_bytes(&REPLY_KEY).unwrap();
    let mut content = input.to_vec();
    let via_reply = content.get(..32)? == &reply_key.compute_digest()[..];
    let opened = if via_reply {
        client.recover_plaintext_from_reply(&mut content[32..], reply_key).ok()?;
        &content[32..]
    } else {
        let secret = x25519::PrivateKey::from_secret([0xb2; 32]);
        &*client.recover_plaintext_from_regular_packet(&secret, &mut content).ok()?
    };
    if is_cover(opened) {
        return Some(json!("cover"));
    }
    let fragment = client.recover_fragment(opened).ok()?;
    Some(json!({"via_reply": via_reply, "fragment": fragment_value(&fragment)}))
}

fn node_address(input: &[u8]) -> Option<Value> {
    NymNodeRoutingAddress::try_from_bytes(input).ok().map(|address| json!(hx(address.as_bytes())))
}

fn recipient_text(input: &[u8]) -> Option<Value> {
    Recipient::try_from_base58_string(text(input)?).ok().map(|recipient| json!(hx(recipient.to_bytes())))
}

fn recipient_bytes(input: &[u8]) -> Option<Value> {
    Recipient::try_from_bytes(input.try_into().ok()?).ok().map(|recipient| json!(hx(recipient.to_bytes())))
}

/// The frames of a stream, and whether an error ends it.
fn frames(input: &[u8]) -> Option<Value> {
    let mut buffer = BytesMut::from(input);
    let mut frames = Vec::new();
    loop {
        match NymCodec.decode(&mut buffer) {
            Ok(Some(frame)) => frames.push(
                json!({"rotation": frame.key_rotation() as u8, "packet": sha(frame.packet().to_bytes().unwrap())}),
            ),
            ended => return Some(json!({"frames": frames, "error": ended.is_err()})),
        }
    }
}

pub fn mix_packet(packet: MixPacket) -> Option<Value> {
    Some(json!({"next_hop": hx(packet.next_hop().as_bytes()), "rotation": packet.key_rotation() as u8,
                "packet": sha(packet.packet().to_bytes().ok()?)}))
}

fn mix_packet_v1(input: &[u8]) -> Option<Value> {
    MixPacket::try_from_v1_bytes(input).ok().and_then(mix_packet)
}

fn mix_packet_v2(input: &[u8]) -> Option<Value> {
    MixPacket::try_from_v2_bytes(input).ok().and_then(mix_packet)
}
