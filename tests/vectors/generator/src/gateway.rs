//! rust-gateway.json: the registration handshake, the text messages and the binary frames between client and gateway.

use crate::common::*;
use crate::layer::identity;
use crate::line::Random;
use futures::channel::mpsc::{unbounded, UnboundedReceiver, UnboundedSender};
use futures::{Sink, Stream};
use nym_crypto::asymmetric::{ed25519, x25519};
use nym_gateway_requests::registration::handshake::{client_handshake, gateway_handshake};
use nym_gateway_requests::text_request::authenticate::{AuthenticateRequest, AuthenticateRequestContent};
use nym_gateway_requests::{
    BandwidthResponse, BinaryRequest, BinaryResponse, ClientControlRequest, ClientRequest, RegistrationHandshake,
    SendResponse, SensitiveServerResponse, ServerResponse, SharedSymmetricKey, SimpleGatewayRequestsError,
};
use nym_sphinx_addressing::nodes::NymNodeRoutingAddress;
use nym_sphinx_forwarding::packet::MixPacket;
use nym_sphinx_params::{PacketSize, PacketType, SphinxKeyRotation};
use nym_sphinx_types::NymPacket;
use nym_statistics_common::types::SessionType;
use nym_task::ShutdownToken;
use serde_json::{json, Value};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tungstenite::{Error as WsError, Message};

const VERSION: u8 = 6;
pub const SHARED_KEY: [u8; 32] = [0x77; 32];

pub fn file() -> File {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    (
        "rust-gateway",
        json!({
            "handshakes": [runtime.block_on(handshake(VERSION)), runtime.block_on(handshake(4))],
            "authentication": [authentication(VERSION), authentication(4)],
            "client_texts": client_texts(), "server_texts": server_texts(),
            "client_readings": client_readings(), "server_readings": server_readings(),
            "sealed_requests": sealed_requests(), "sealed_responses": sealed_responses(),
            "forward_frames": forward_frames(), "bad_forward_frames": bad_forward_frames(), "push_frames": push_frames(),
        }),
    )
}

fn key() -> SharedSymmetricKey {
    SharedSymmetricKey::try_from_bytes(&SHARED_KEY).unwrap()
}

/// One end of a websocket in memory; what it sends is also kept.
pub struct Wire {
    pub out: UnboundedSender<Message>,
    pub incoming: UnboundedReceiver<Message>,
    pub log: Arc<Mutex<Vec<(&'static str, String)>>>,
    pub side: &'static str,
}

impl Stream for Wire {
    type Item = Result<Message, WsError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.incoming).poll_next(context).map(|message| message.map(Ok))
    }
}

impl Sink<Message> for Wire {
    type Error = WsError;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), WsError>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), WsError> {
        self.log.lock().unwrap().push((self.side, message.to_text().unwrap().to_string()));
        let _ = self.out.unbounded_send(message);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), WsError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), WsError>> {
        Poll::Ready(Ok(()))
    }
}

/// A whole registration between the crate's client and the crate's gateway.
async fn handshake(version: u8) -> Value {
    let (to_gateway, at_gateway) = unbounded();
    let (to_client, at_client) = unbounded();
    let log = Arc::new(Mutex::new(Vec::new()));
    let mut client_wire = Wire { out: to_gateway, incoming: at_client, log: log.clone(), side: "client" };
    let mut gateway_wire = Wire { out: to_client, incoming: at_gateway, log: log.clone(), side: "gateway" };
    let client_keys: ed25519::KeyPair = identity(1).into();
    let gateway_keys: ed25519::KeyPair = identity(2).into();
    let (mut client_rng, mut gateway_rng) = (rng(version), rng(version + 1));
    let client_ephemeral = x25519::KeyPair::new(&mut client_rng.clone());
    let gateway_ephemeral = x25519::KeyPair::new(&mut gateway_rng.clone());

    let gateway_public = *gateway_keys.public_key();
    let client = async {
        client_handshake(&mut client_rng, &mut client_wire, &client_keys, gateway_public, version, ShutdownToken::new())
            .await
            .unwrap()
    };
    let gateway = async {
        use futures::StreamExt;
        let first = gateway_wire.next().await.unwrap().unwrap();
        let RegistrationHandshake::HandshakePayload { data, protocol_version } =
            first.to_text().unwrap().parse().unwrap()
        else {
            panic!("the client did not begin with a payload")
        };
        gateway_handshake(
            &mut gateway_rng,
            &mut gateway_wire,
            &gateway_keys,
            data,
            protocol_version,
            ShutdownToken::new(),
        )
        .await
        .unwrap()
    };
    let (client_result, gateway_result) = futures::join!(client, gateway);
    assert!(client_result == gateway_result);
    let transcript: Vec<Value> =
        log.lock().unwrap().iter().map(|(side, text)| json!({"from": side, "text": text})).collect();
    json!({
        "version": version, "client_seed": hx([1; 32]), "gateway_seed": hx([2; 32]),
        "client_ephemeral": hx(client_ephemeral.private_key().to_bytes()),
        "gateway_ephemeral": hx(gateway_ephemeral.private_key().to_bytes()),
        "shared_key": hx(client_result.derived_key.to_bytes()), "negotiated": client_result.negotiated_protocol, "transcript": transcript,
    })
}

/// The request that a returning client signs. The nonce is random; the timestamp is replaced and signed again.
fn authentication(version: u8) -> Value {
    let keys: ed25519::KeyPair = identity(1).into();
    let fresh = AuthenticateRequest::new(version, &key(), &keys).unwrap();
    let content = AuthenticateRequestContent { request_unix_timestamp: 1_700_000_000, ..fresh.content };
    let plaintext = content.plaintext();
    let request = AuthenticateRequest { request_signature: keys.private_key().sign(&plaintext), content };
    request.verify_signature().unwrap();
    request.verify_ciphertext(&key()).unwrap();
    json!({
        "version": version, "client_seed": hx([1; 32]), "shared_key": hx(SHARED_KEY), "timestamp": 1_700_000_000u64,
        "nonce": hx(&request.content.nonce), "ciphertext": hx(&request.content.address_ciphertext), "signed": hx(plaintext),
        "signature": hx(request.request_signature.to_bytes()),
        "text": text(ClientControlRequest::AuthenticateV2(Box::new(request))),
    })
}

fn text(request: ClientControlRequest) -> String {
    Message::from(request).to_text().unwrap().to_string()
}

fn client_texts() -> Vec<Value> {
    let cases = vec![
        ("supported protocol", text(ClientControlRequest::SupportedProtocol {})),
        ("claim", text(ClientControlRequest::ClaimFreeTestnetBandwidth)),
        ("upgrade token", text(ClientControlRequest::new_upgrade_mode_jwt("a.b.c".into()))),
        (
            "encrypted request",
            text(ClientControlRequest::EncryptedRequest { ciphertext: vec![1, 2, 255], nonce: vec![9; 12] }),
        ),
        ("credential", text(ClientControlRequest::EcashCredential { enc_credential: vec![3, 4], nonce: vec![8; 12] })),
        ("handshake payload", RegistrationHandshake::new_payload(vec![0, 1, 255], VERSION).into()),
        ("handshake error", RegistrationHandshake::new_error("no").into()),
        (
            "handshake as a request",
            text(ClientControlRequest::RegisterHandshakeInitRequest { protocol_version: 5, data: vec![7] }),
        ),
    ];
    cases.into_iter().map(|(name, text)| json!({"name": name, "text": text})).collect()
}

fn server_texts() -> Vec<Value> {
    let cases = vec![
        ("supported protocol", ServerResponse::SupportedProtocol { version: VERSION }),
        (
            "authenticate",
            ServerResponse::Authenticate {
                protocol_version: VERSION,
                status: true,
                bandwidth_remaining: -5,
                upgrade_mode: false,
            },
        ),
        ("register", ServerResponse::Register { protocol_version: VERSION, status: true, upgrade_mode: true }),
        (
            "bandwidth",
            ServerResponse::Bandwidth(BandwidthResponse { available_total: 68_719_476_736, upgrade_mode: false }),
        ),
        ("send", ServerResponse::Send(SendResponse { remaining_bandwidth: 12, upgrade_mode: true })),
        ("encrypted response", ServerResponse::EncryptedResponse { ciphertext: vec![1, 2, 255], nonce: vec![9; 12] }),
        ("error", ServerResponse::new_error("there is already an open connection")),
        ("ticket replay", ServerResponse::TypedError { error: SimpleGatewayRequestsError::TicketReplay }),
        (
            "out of bandwidth",
            ServerResponse::TypedError {
                error: SimpleGatewayRequestsError::OutOfBandwidth { required: 2413, available: 1 },
            },
        ),
    ];
    cases
        .into_iter()
        .map(|(name, response)| json!({"name": name, "text": Message::from(response).to_text().unwrap()}))
        .collect()
}

/// Texts that a client might send, and how the gateway's parser names what it reads.
fn client_readings() -> Vec<Value> {
    [
        r#"{"type":"supportedProtocol"}"#,
        r#"{"type":"supportedProtocol","more":1}"#,
        r#"{"type":"claimFreeTestnetBandwidth"}"#,
        r#"{"type":"claimFreeTestnetBandwidth","more":[]}"#,
        r#"{"type":"handshakePayload","protocol_version":6,"data":[1]}"#,
        r#"{"type":"handshakePayload","data":[1]}"#,
        r#"{"type":"handshakePayload","protocol_version":null,"data":[1]}"#,
        r#"{"type":"handshakePayload","protocol_version":256,"data":[1]}"#,
        r#"{"type":"handshakePayload","protocol_version":6,"data":[256]}"#,
        r#"{"type":"handshakePayload","protocol_version":6,"data":"AQ=="}"#,
        r#"{"type":"handshakePayload","protocol_version":6}"#,
        r#"{"type":"registerHandshakeInitRequest","protocol_version":6,"data":[]}"#,
        r#"{"type":"handshakeError","message":"x"}"#,
        r#"{"data":[1],"protocol_version":6,"type":"handshakePayload"}"#,
        r#"{"type":"ecashCredential","enc_credential":[1],"iv":[2]}"#,
        r#"{"type":"ecashCredential","enc_credential":[1],"nonce":[2]}"#,
        r#"{"type":"encryptedRequest","ciphertext":[1],"nonce":[2]}"#,
        r#"{"type":"upgradeModeJWT","token":"t"}"#,
        r#"{"type":"upgradeModeJwt","token":"t"}"#,
        r#"{"type":"authenticate","address":"a","enc_address":"b","iv":"c"}"#,
        r#"{"type":"bandwidthCredential","enc_credential":[1],"iv":[2]}"#,
        r#"{"type":"bandwidthCredentialV2","enc_credential":[1],"iv":[2]}"#,
        r#"{"type":"nothing"}"#,
        r#"{"supportedProtocol":{}}"#,
        r#"{}"#,
        r#"[]"#,
        "",
        "not json",
    ]
    .into_iter()
    .map(|text| {
        json!({"text": text, "read": text.parse::<ClientControlRequest>().map(|r| r.name()).ok(),
                       "handshake": text.parse::<RegistrationHandshake>().is_ok()})
    })
    .collect()
}

/// Texts that a gateway might send, and how the client's parser names what it reads.
fn server_readings() -> Vec<Value> {
    [
        r#"{"type":"supportedProtocol","version":6}"#,
        r#"{"type":"supportedProtocol"}"#,
        r#"{"type":"supportedProtocol","version":256}"#,
        r#"{"type":"authenticate","status":true,"bandwidth_remaining":5}"#,
        r#"{"type":"authenticate","protocol_version":null,"status":true,"bandwidth_remaining":5}"#,
        r#"{"type":"authenticate","protocol_version":6,"status":true,"bandwidth_remaining":5,"upgrade_mode":false,"more":0}"#,
        r#"{"type":"authenticate","protocol_version":6,"status":true}"#,
        r#"{"type":"register","status":false}"#,
        r#"{"type":"register"}"#,
        r#"{"type":"bandwidth","available_total":1}"#,
        r#"{"type":"bandwidth","available_total":1.5}"#,
        r#"{"type":"bandwidth","available_total":"1"}"#,
        r#"{"type":"send","remaining_bandwidth":1}"#,
        r#"{"type":"send"}"#,
        r#"{"type":"error","message":"m"}"#,
        r#"{"type":"typedError","error":"ticket_replay"}"#,
        r#"{"type":"typedError","error":{"out_of_bandwidth":{"required":1,"available":0}}}"#,
        r#"{"type":"typedError","error":"other"}"#,
        r#"{"type":"encryptedResponse","ciphertext":[1],"nonce":[2]}"#,
        r#"{"type":"handshakePayload","data":[1]}"#,
        r#"{"type":"nothing"}"#,
    ]
    .into_iter()
    .map(|text| json!({"text": text, "read": ServerResponse::try_from(text.to_string()).map(|r| r.name()).ok()}))
    .collect()
}

fn sealed_requests() -> Vec<Value> {
    let cases = [
        ("forget me", ClientRequest::ForgetMe { client: true, stats: false }),
        ("remember me", ClientRequest::RememberMe { session_type: SessionType::Socks5 }),
    ];
    cases
        .into_iter()
        .map(|(name, request)| {
            let ClientControlRequest::EncryptedRequest { ciphertext, nonce } = request.encrypt(&key()).unwrap() else { unreachable!() };
            json!({"name": name, "shared_key": hx(SHARED_KEY), "plain": serde_json::to_string(&request).unwrap(),
                   "nonce": hx(&nonce), "ciphertext": hx(&ciphertext), "text": text(ClientControlRequest::EncryptedRequest { ciphertext, nonce })})
        })
        .collect()
}

fn sealed_responses() -> Vec<Value> {
    let cases = [
        ("forget me ack", SensitiveServerResponse::ForgetMeAck {}),
        ("remember me ack", SensitiveServerResponse::RememberMeAck {}),
    ];
    cases
        .into_iter()
        .map(|(name, response)| {
            let ServerResponse::EncryptedResponse { ciphertext, nonce } = response.encrypt(&key()).unwrap() else { unreachable!() };
            json!({"name": name, "plain": serde_json::to_string(&response).unwrap(), "nonce": hx(nonce), "ciphertext": hx(ciphertext)})
        })
        .collect()
}

fn mix_packet() -> MixPacket {
    let hop = NymNodeRoutingAddress::from("10.0.0.1:1789".parse::<std::net::SocketAddr>().unwrap());
    let packet = NymPacket::sphinx_from_bytes(&pattern(PacketSize::AckPacket.size())).unwrap();
    MixPacket::new(hop, packet, PacketType::Mix, SphinxKeyRotation::EvenRotation)
}

fn forward_frames() -> Vec<Value> {
    [("v1", BinaryRequest::ForwardSphinx { packet: mix_packet() }), ("v2", BinaryRequest::ForwardSphinxV2 { packet: mix_packet() })]
        .into_iter()
        .map(|(name, request)| {
            let plain = if name == "v1" { mix_packet().into_v1_bytes() } else { mix_packet().into_v2_bytes() }.unwrap();
            let bytes = request.into_encrypted_tagged_bytes(&key()).unwrap();
            json!({"name": name, "shared_key": hx(SHARED_KEY), "frame": hx(bytes), "plain": hx(plain), "next_hop": "10.0.0.1:1789", "rotation": if name == "v1" { 0 } else { 2 }})
        })
        .collect()
}

/// Frames at the gateway that the crate refuses. (Those that make it panic are left out.)
fn bad_forward_frames() -> Vec<Value> {
    let mut nonce = [0u8; 12];
    rng(9).fill_bytes(&mut nonce);
    let sealed = key().encrypt(&mix_packet().into_v1_bytes().unwrap(), &nonce.into()).unwrap();
    let whole = |kind: u8, flag: u8| [&[kind, flag][..], &nonce, &sealed].concat();
    let mut torn = whole(1, 1);
    torn[40] ^= 1;
    let cases = vec![
        ("good", whole(1, 1)),
        ("v1 content labelled v2", whole(2, 1)),
        ("kind 0", whole(0, 1)),
        ("kind 3", whole(3, 1)),
        ("flag 2", whole(1, 2)),
        ("flipped bit", torn),
        ("empty", vec![]),
        ("one byte", vec![1]),
        ("13 bytes", whole(1, 1)[..13].to_vec()),
        ("no ciphertext", whole(1, 1)[..14].to_vec()),
        ("tag cut", whole(1, 1)[..whole(1, 1).len() - 1].to_vec()),
    ];
    cases
        .into_iter()
        .map(|(name, bytes)| json!({"name": name, "frame": hx(&bytes), "accepted": BinaryRequest::try_from_encrypted_tagged_bytes(bytes, &key()).is_ok()}))
        .collect()
}

fn push_frames() -> Vec<Value> {
    [vec![0x0a; 21], pattern(1643), vec![]]
        .into_iter()
        .map(|content| {
            let bytes = BinaryResponse::PushedMixMessage { message: content.clone() }
                .into_encrypted_tagged_bytes(&key())
                .unwrap();
            json!({"shared_key": hx(SHARED_KEY), "content": hx(content), "frame": hx(bytes)})
        })
        .collect()
}
