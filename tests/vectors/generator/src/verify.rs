//! `verify FILE.json`: what Python built (`../built_by_python.py`), checked by the crates. One line per section.

use crate::common::{hx, pattern, sha};
use crate::line::{self, NetworkDetails, NymNodeDescriptionV1};
use nym_api_requests::models::{ApiHealthResponse, KeyRotationInfoResponse, NodeRefreshBody, RewardedSetResponse};
use nym_api_requests::nym_nodes::{
    NodesByAddressesRequestBody, NodesByAddressesResponse, PaginatedCachedNodesResponseV2, SemiSkimmedNodeV1,
    SkimmedNodeV1,
};
use nym_api_requests::pagination::PaginatedResponse;
use nym_crypto::asymmetric::x25519;
use nym_exit_policy::ExitPolicy;
use nym_gateway_requests::{
    BinaryRequest, BinaryResponse, ClientControlRequest, ClientRequest, SensitiveServerResponse, ServerResponse,
    SharedSymmetricKey,
};
use nym_mixnet_contract_common::Interval;
use nym_socks5_requests::{Socks5ProviderRequest, Socks5ProviderResponse};
use nym_sphinx::message::NymMessage;
use nym_sphinx::receiver::{MessageReceiver, SphinxMessageReceiver};
use nym_sphinx_acknowledgements::{identifier::recover_identifier, AckKey};
use nym_sphinx_addressing::clients::Recipient;
use nym_sphinx_anonymous_replies::requests::ReplyMessageContent;
use nym_sphinx_anonymous_replies::SurbEncryptionKey;
use nym_sphinx_chunking::fragment::Fragment;
use nym_sphinx_cover::is_cover;
use nym_sphinx_forwarding::packet::MixPacket;
use nym_sphinx_framing::codec::NymCodec;
use nym_sphinx_framing::processing::{process_framed_packet, MixProcessingResultData};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sphinx_packet::crypto::PrivateKey;
use sphinx_packet::{ProcessedPacketData, SphinxPacket, SURB};
use std::collections::HashMap;
use tokio_util::codec::{Decoder, Encoder};

pub type Outcome = Result<(), String>;
pub type Check = fn(&Value) -> Outcome;

const SECTIONS: &[(&str, Check)] = &[
    ("packets", packet),
    ("surbs", surb),
    ("envelopes", envelope),
    ("messages", message),
    ("recipients", recipient),
    ("acks", ack),
    ("client_texts", client_text),
    ("server_texts", server_text),
    ("authentications", authentication),
    ("sealed_requests", sealed_request),
    ("sealed_responses", sealed_response),
    ("forward_frames", forward_frame),
    ("push_frames", push_frame),
    ("requests", socks5_request),
    ("responses", socks5_response),
    ("policies", policy),
    ("key_rotation_info", document::<KeyRotationInfoResponse>),
    ("rewarded_set", document::<RewardedSetResponse>),
    ("skimmed", document::<PaginatedCachedNodesResponseV2<SkimmedNodeV1>>),
    ("semi_skimmed", document::<PaginatedCachedNodesResponseV2<SemiSkimmedNodeV1>>),
    ("address_queries", document::<NodesByAddressesRequestBody>),
    ("address_replies", document::<NodesByAddressesResponse>),
    ("refresh_requests", refresh_request),
    ("described", document::<PaginatedResponse<NymNodeDescriptionV1>>),
    ("current_epoch", document::<Interval>),
    ("health", document::<ApiHealthResponse>),
    ("network_details", document::<NetworkDetails>),
];

/// Prints what failed; false if anything did, or if Python wrote a section that is not known here.
pub fn run(text: &str) -> bool {
    let file: Value = serde_json::from_str(text).expect("not a JSON file");
    let sections = file.as_object().expect("not a JSON object");
    let known = || SECTIONS.iter().chain(line::SECTIONS);
    let mut good = sections.keys().all(|name| known().any(|(known, _)| known == name));
    for (name, check) in known() {
        let entries = sections.get(*name).and_then(Value::as_array).cloned().unwrap_or_default();
        let failures: Vec<String> = entries
            .iter()
            .enumerate()
            .filter_map(|(i, entry)| check(entry).err().map(|e| format!("{name}[{i}]: {e}")))
            .collect();
        println!("{name}: {} of {} accepted", entries.len() - failures.len(), entries.len());
        failures.iter().for_each(|failure| println!("  {failure}"));
        good &= failures.is_empty() && !entries.is_empty();
    }
    good
}

pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no text {name}"))
}

pub fn bytes(value: &Value, name: &str) -> Vec<u8> {
    hex::decode(text(value, name)).unwrap()
}

pub fn secret(hex_text: &str) -> PrivateKey {
    PrivateKey::from(<[u8; 32]>::try_from(hex::decode(hex_text).unwrap()).unwrap())
}

pub fn same<T: PartialEq + std::fmt::Debug>(what: &str, seen: T, expected: T) -> Outcome {
    if seen == expected {
        Ok(())
    } else {
        Err(format!("{what}: {seen:?} instead of {expected:?}"))
    }
}

pub fn failed(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

/// Carries a packet through all nodes of `entry` and compares what each of them sees, and the message at the end.
fn relay(mut packet: SphinxPacket, entry: &Value) -> Outcome {
    let secrets = entry["node_secrets"].as_array().unwrap();
    for (i, node) in secrets.iter().enumerate() {
        let processed = packet.process(&secret(node.as_str().unwrap())).map_err(failed)?;
        same("version", processed.version.value() as u64, entry["version"].as_u64().unwrap())?;
        match processed.data {
            ProcessedPacketData::ForwardHop { next_hop_packet, next_hop_address, delay } => {
                same("address", hx(next_hop_address.as_bytes()).as_str(), entry["addresses"][i + 1].as_str().unwrap())?;
                same("delay", delay.to_nanos(), entry["delays_ns"][i].as_u64().unwrap())?;
                packet = next_hop_packet;
            }
            ProcessedPacketData::FinalHop { destination, identifier, payload } => {
                same("last hop", i + 1, secrets.len())?;
                same("destination", hx(destination.as_bytes()).as_str(), text(entry, "destination"))?;
                same("identifier", identifier, [0; 16])?;
                let message = payload.recover_plaintext().map_err(failed)?;
                return same("message", sha(message), sha(pattern(entry["message_length"].as_u64().unwrap() as usize)));
            }
        }
    }
    Err("still forwarding".into())
}

fn packet(entry: &Value) -> Outcome {
    relay(SphinxPacket::from_bytes(&bytes(entry, "packet")).map_err(failed)?, entry)
}

fn surb(entry: &Value) -> Outcome {
    let surb = SURB::from_bytes(&bytes(entry, "surb")).map_err(failed)?;
    let message = pattern(entry["message_length"].as_u64().unwrap() as usize);
    let (packet, first_hop) =
        surb.use_surb(&message, entry["payload_size"].as_u64().unwrap() as usize).map_err(failed)?;
    same("first hop", hx(first_hop.as_bytes()).as_str(), entry["addresses"][0].as_str().unwrap())?;
    same("packet", sha(packet.to_bytes()).as_str(), text(entry, "packet_sha256"))?;
    relay(packet, entry)
}

/// A client's whole packet: through the codec, over every hop, into the recipient's hands; then its ack.
fn envelope(entry: &Value) -> Outcome {
    let mix_packet = MixPacket::try_from_v2_bytes(&bytes(entry, "v2")).map_err(failed)?;
    same("rotation", mix_packet.key_rotation() as u8 as u64, entry["rotation"].as_u64().unwrap())?;
    let (content, ack) = deliver(mix_packet, entry, "route")?;
    check_content(content, entry)?;
    let (ack_content, none) = deliver(ack.ok_or("no ack inside")?, entry, "ack_route")?;
    same("ack in an ack", none.is_none(), true)?;
    let key = AckKey::try_from_bytes(&bytes(entry, "ack_key")).map_err(failed)?;
    same("ack", recover_identifier(&key, &ack_content).map(hx).as_deref(), entry["fragment_id"].as_str())
}

fn deliver(packet: MixPacket, entry: &Value, route: &str) -> Result<(Vec<u8>, Option<MixPacket>), String> {
    let secrets: HashMap<&str, &str> = entry["nodes"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(address, s)| (address.as_str(), s.as_str().unwrap()))
        .collect();
    let mut current = packet;
    for expected in entry[route].as_array().unwrap() {
        same("next hop", current.next_hop().to_string().as_str(), expected.as_str().unwrap())?;
        let legacy = entry["frame_version"].as_u64() == Some(7);
        let framed = nym_sphinx_framing::packet::FramedNymPacket::from_mix_packet(current, legacy);
        let mut buffer = bytes::BytesMut::new();
        NymCodec.encode(framed, &mut buffer).map_err(failed)?;
        let framed = NymCodec.decode(&mut buffer).map_err(failed)?.ok_or("half a frame")?;
        let processed = process_framed_packet(framed, &secret(secrets[expected.as_str().unwrap()])).map_err(failed)?;
        match processed.processing_data {
            MixProcessingResultData::ForwardHop { packet, .. } => current = packet,
            MixProcessingResultData::FinalHop { final_hop_data } => {
                return Ok((final_hop_data.message, final_hop_data.forward_ack))
            }
        }
    }
    Err("still forwarding".into())
}

fn check_content(mut content: Vec<u8>, entry: &Value) -> Outcome {
    let client = SphinxMessageReceiver::new();
    let opened = if let Some(key) = entry["reply_key"].as_str() {
        let key = SurbEncryptionKey::try_from_bytes(&hex::decode(key).unwrap()).map_err(failed)?;
        same("digest", hx(&content[..32]), hx(key.compute_digest()))?;
        client.recover_plaintext_from_reply(&mut content[32..], key).map_err(failed)?;
        content[32..].to_vec()
    } else {
        let secret = x25519::PrivateKey::from_bytes(&bytes(entry, "encryption_secret")).map_err(failed)?;
        client.recover_plaintext_from_regular_packet(&secret, &mut content).map_err(failed)?.to_vec()
    };
    if entry["cover"].as_bool() == Some(true) {
        return same("cover", is_cover(&opened), true);
    }
    let fragment = client.recover_fragment(&opened).map_err(failed)?;
    same("fragment", hx(fragment.into_bytes()).as_str(), text(entry, "fragment"))
}

/// A whole message: its fragments go through the crate's reassembler, in the order given.
fn message(entry: &Value) -> Outcome {
    let mut client = SphinxMessageReceiver::new();
    let mut whole = None;
    for fragment in entry["fragments"].as_array().unwrap() {
        let fragment = Fragment::try_from_bytes(&hex::decode(fragment.as_str().unwrap()).unwrap()).map_err(failed)?;
        if let Some((message, _)) = client.insert_new_fragment(fragment).map_err(failed)? {
            whole = Some(message);
        }
    }
    let whole = whole.ok_or("not complete")?;
    same("kind", kind(&whole).as_str(), text(entry, "kind"))?;
    same("data", sha(whole.into_inner_data()).as_str(), text(entry, "data_sha256"))
}

fn kind(message: &NymMessage) -> String {
    match message {
        NymMessage::Plain(_) => "plain".into(),
        NymMessage::Repliable(repliable) => {
            let (kind, surbs, _) = line::parts(&repliable.content);
            format!("{kind}, {} SURBs", surbs.len())
        }
        NymMessage::Reply(reply) => match &reply.content {
            ReplyMessageContent::Data { .. } => "reply".into(),
            ReplyMessageContent::SurbRequest { recipient, amount } => {
                format!("request of {amount} SURBs to {recipient}")
            }
        },
    }
}

fn recipient(entry: &Value) -> Outcome {
    let parsed = Recipient::try_from_base58_string(text(entry, "text")).map_err(failed)?;
    same("bytes", hx(parsed.to_bytes()).as_str(), text(entry, "bytes"))
}

fn ack(entry: &Value) -> Outcome {
    let key = AckKey::try_from_bytes(&bytes(entry, "key")).map_err(failed)?;
    same("id", recover_identifier(&key, &bytes(entry, "sealed")).map(hx).as_deref(), entry["id"].as_str())
}

// --- gateway ---------------------------------------------------------------------------------------------------

fn shared_key(entry: &Value) -> SharedSymmetricKey {
    SharedSymmetricKey::try_from_bytes(&bytes(entry, "shared_key")).unwrap()
}

fn client_text(entry: &Value) -> Outcome {
    let request: ClientControlRequest = text(entry, "text").parse().map_err(failed)?;
    same("kind", request.name().as_str(), text(entry, "kind"))
}

fn server_text(entry: &Value) -> Outcome {
    let response = ServerResponse::try_from(text(entry, "text").to_string()).map_err(failed)?;
    same("kind", response.name().as_str(), text(entry, "kind"))
}

fn authentication(entry: &Value) -> Outcome {
    match text(entry, "text").parse().map_err(failed)? {
        ClientControlRequest::AuthenticateV2(request) => {
            request.verify_signature().map_err(failed)?;
            request.verify_ciphertext(&shared_key(entry)).map_err(failed)
        }
        other => Err(other.name()),
    }
}

fn sealed_request(entry: &Value) -> Outcome {
    match text(entry, "text").parse().map_err(failed)? {
        ClientControlRequest::EncryptedRequest { ciphertext, nonce } => {
            ClientRequest::decrypt(&ciphertext, &nonce, &shared_key(entry)).map(|_| ()).map_err(failed)
        }
        other => Err(other.name()),
    }
}

fn sealed_response(entry: &Value) -> Outcome {
    match ServerResponse::try_from(text(entry, "text").to_string()).map_err(failed)? {
        ServerResponse::EncryptedResponse { ciphertext, nonce } => {
            SensitiveServerResponse::decrypt(&ciphertext, &nonce, &shared_key(entry)).map(|_| ()).map_err(failed)
        }
        other => Err(other.name()),
    }
}

fn forward_frame(entry: &Value) -> Outcome {
    let request =
        BinaryRequest::try_from_encrypted_tagged_bytes(bytes(entry, "frame"), &shared_key(entry)).map_err(failed)?;
    let plain = match request {
        BinaryRequest::ForwardSphinx { packet } => packet.into_v1_bytes(),
        BinaryRequest::ForwardSphinxV2 { packet } => packet.into_v2_bytes(),
        _ => return Err("unknown kind".into()),
    };
    same("packet", hx(plain.map_err(failed)?).as_str(), text(entry, "plain"))
}

fn push_frame(entry: &Value) -> Outcome {
    match BinaryResponse::try_from_encrypted_tagged_bytes(bytes(entry, "frame"), &shared_key(entry)).map_err(failed)? {
        BinaryResponse::PushedMixMessage { message } => same("content", hx(message).as_str(), text(entry, "content")),
        _ => Err("unknown kind".into()),
    }
}

// --- requester and directory -----------------------------------------------------------------------------------

/// The crate reads the bytes and writes the same again.
fn socks5_request(entry: &Value) -> Outcome {
    let request = Socks5ProviderRequest::try_from_bytes(&bytes(entry, "bytes")).map_err(failed)?;
    same("bytes", hx(request.into_bytes()).as_str(), text(entry, "bytes"))
}

fn socks5_response(entry: &Value) -> Outcome {
    let response = Socks5ProviderResponse::try_from_bytes(&bytes(entry, "bytes")).map_err(failed)?;
    same("bytes", hx(response.into_bytes()).as_str(), text(entry, "bytes"))
}

fn policy(entry: &Value) -> Outcome {
    let policy = ExitPolicy::parse_from_torrc(text(entry, "text")).map_err(failed)?;
    same("text", policy.format_as_torrc().trim_end(), text(entry, "text").trim_end())
}

fn document<T: DeserializeOwned>(entry: &Value) -> Outcome {
    serde_json::from_str::<T>(text(entry, "text")).map(|_| ()).map_err(failed)
}

fn refresh_request(entry: &Value) -> Outcome {
    let body: NodeRefreshBody = serde_json::from_str(text(entry, "text")).map_err(failed)?;
    same("signature", body.verify_signature(), true)
}
