//! Decoders of the links: gateway texts, binary frames, the registration handshake, Noise. Identities 1 and 2 are the
//! client and the gateway, as in the vectors.

use super::packets::mix_packet;
use super::{text, Decoder};
use crate::common::*;
use crate::gateway::{Wire, SHARED_KEY};
use crate::layer::identity;
use crate::line::Random;
use crate::noise;
use futures::channel::mpsc::unbounded;
use nym_crypto::asymmetric::{ed25519, x25519};
use nym_gateway_requests::registration::handshake::{client_handshake, gateway_handshake};
use nym_gateway_requests::{
    BinaryRequest, BinaryResponse, ClientControlRequest, ClientRequest, RegistrationHandshake, SensitiveServerResponse,
    ServerResponse, SharedSymmetricKey,
};
use nym_noise::{upgrade_noise_initiator, upgrade_noise_responder};
use nym_task::ShutdownToken;
use serde_json::{json, Value};
use std::future::Future;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tungstenite::Message;

pub const DECODERS: &[(&str, Decoder)] = &[
    ("client_text", client_text),
    ("server_text", server_text),
    ("authentication", authentication),
    ("sealed_request", sealed_request),
    ("sealed_response", sealed_response),
    ("forward_frame", forward_frame),
    ("push_frame", push_frame),
    ("handshake_opening", handshake_opening),
    ("handshake_response", handshake_response),
    ("handshake_proof", handshake_proof),
    ("handshake_confirmation", handshake_confirmation),
    ("noise_responder", noise_responder),
    ("noise_initiator", noise_initiator),
];

const VERSION: u8 = 6;
const RESPONSE: usize = 124;

// --- texts -----------------------------------------------------------------------------------------------------

/// A text as a gateway reads it before or after authentication, or else during a registration.
fn client_text(input: &[u8]) -> Option<Value> {
    let Ok(request) = text(input)?.parse::<ClientControlRequest>() else {
        return registration(text(input)?);
    };
    Some(match request {
        ClientControlRequest::AuthenticateV2(request) => {
            let content = request.content;
            json!({"kind": "AuthenticateV2", "version": content.protocol_version, "identity": hx(content.client_identity.to_bytes()),
                   "ciphertext": hx(content.address_ciphertext), "nonce": hx(content.nonce),
                   "timestamp": content.request_unix_timestamp, "signature": hx(request.request_signature.to_bytes())})
        }
        ClientControlRequest::RegisterHandshakeInitRequest { protocol_version, data } => {
            json!({"kind": "handshake", "version": protocol_version, "data": hx(data)})
        }
        ClientControlRequest::EncryptedRequest { ciphertext, nonce } => {
            json!({"kind": "EncryptedRequest", "ciphertext": hx(ciphertext), "nonce": hx(nonce)})
        }
        other => json!({"kind": other.name()}),
    })
}

fn registration(text: &str) -> Option<Value> {
    Some(match text.parse().ok()? {
        RegistrationHandshake::HandshakePayload { protocol_version, data } => {
            json!({"kind": "handshake", "version": protocol_version, "data": hx(data)})
        }
        RegistrationHandshake::HandshakeError { message } => json!({"kind": "handshake error", "message": message}),
    })
}

fn server_text(input: &[u8]) -> Option<Value> {
    match ServerResponse::try_from(text(input)?.to_string()) {
        Ok(response) => serde_json::to_value(&response).ok(),
        Err(_) => registration(text(input)?),
    }
}

/// An `authenticateV2` whose signature and ciphertext hold.
fn authentication(input: &[u8]) -> Option<Value> {
    let ClientControlRequest::AuthenticateV2(request) = text(input)?.parse().ok()? else { return None };
    request.verify_signature().ok()?;
    request.verify_ciphertext(&key()).ok()?;
    Some(
        json!({"identity": hx(request.content.client_identity.to_bytes()), "version": request.content.protocol_version,
                "timestamp": request.content.request_unix_timestamp}),
    )
}

fn key() -> SharedSymmetricKey {
    SharedSymmetricKey::try_from_bytes(&SHARED_KEY).unwrap()
}

/// Nonce ‖ ciphertext.
fn sealed_request(input: &[u8]) -> Option<Value> {
    let nonce = input.get(..12)?;
    ClientRequest::decrypt(&input[12..], nonce, &key()).ok().and_then(|request| serde_json::to_value(request).ok())
}

fn sealed_response(input: &[u8]) -> Option<Value> {
    let nonce = input.get(..12)?;
    SensitiveServerResponse::decrypt(&input[12..], nonce, &key())
        .ok()
        .and_then(|response| serde_json::to_value(response).ok())
}

fn forward_frame(input: &[u8]) -> Option<Value> {
    match BinaryRequest::try_from_encrypted_tagged_bytes(input.to_vec(), &key()).ok()? {
        BinaryRequest::ForwardSphinx { packet } | BinaryRequest::ForwardSphinxV2 { packet } => mix_packet(packet),
        _ => None,
    }
}

fn push_frame(input: &[u8]) -> Option<Value> {
    match BinaryResponse::try_from_encrypted_tagged_bytes(input.to_vec(), &key()).ok()? {
        BinaryResponse::PushedMixMessage { message } => Some(json!(hx(message))),
        _ => None,
    }
}

// --- registration ----------------------------------------------------------------------------------------------

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A websocket on which the other side has already said `payloads` and left, and what is written to it.
fn wire(payloads: &[&[u8]]) -> (Wire, Arc<Mutex<Vec<(&'static str, String)>>>) {
    let (out, _) = unbounded();
    let (said, incoming) = unbounded();
    for data in payloads {
        let text: String = RegistrationHandshake::new_payload(data.to_vec(), VERSION).into();
        said.unbounded_send(Message::text(text)).unwrap();
    }
    let log = Arc::new(Mutex::new(Vec::new()));
    (Wire { out, incoming, log: log.clone(), side: "crate" }, log)
}

/// Runs the crate's gateway on a client's `opening`; its ephemeral comes from the seed of the vectors.
fn gateway(opening: &[u8], payloads: &[&[u8]]) -> (Option<Value>, Vec<(&'static str, String)>) {
    let (mut wire, log) = wire(payloads);
    let keys: ed25519::KeyPair = identity(2).into();
    let mut random = rng(VERSION + 1);
    let handshake = gateway_handshake(&mut random, &mut wire, &keys, opening.to_vec(), VERSION, ShutdownToken::new());
    let key = block_on(handshake).ok().map(|result| json!(hx(result.derived_key.to_bytes())));
    let said = log.lock().unwrap().clone();
    (key, said)
}

/// Message 1: whether the gateway answers it with a proof, and that the proof opens under the key of this exchange.
fn handshake_opening(input: &[u8]) -> Option<Value> {
    let (_, said) = gateway(input, &[]);
    let RegistrationHandshake::HandshakePayload { data, .. } = said.first()?.1.parse().ok()? else { return None };
    let ephemeral = x25519::KeyPair::new(&mut rng(VERSION + 1));
    let peer = x25519::PublicKey::from_bytes(&input[32..64]).ok()?;
    let agreed = ephemeral.private_key().diffie_hellman(&peer);
    let key =
        nym_crypto::hkdf::extract_then_expand::<nym_crypto::blake3::Hasher>(Some(&input[64..]), &agreed, None, 32)
            .ok()?;
    let nonce = SharedSymmetricKey::validate_aead_nonce(&data[112..]).ok()?;
    SharedSymmetricKey::try_from_bytes(&key).ok()?.decrypt(&data[32..112], &nonce).ok()?;
    Some(json!(hx(key)))
}

/// Message 3, behind the opening that the client of the vectors sends.
fn handshake_proof(input: &[u8]) -> Option<Value> {
    let mut random = rng(VERSION);
    let ephemeral = x25519::KeyPair::new(&mut random);
    let mut salt = [0; 16];
    random.fill_bytes(&mut salt);
    let opening = [&identity(1).public_key().to_bytes()[..], &ephemeral.public_key().to_bytes()[..], &salt].concat();
    gateway(&opening, &[input]).0
}

fn client(response: &[u8], confirmation: &[u8]) -> Option<Value> {
    let (mut wire, _) = wire(&[response, confirmation]);
    let keys: ed25519::KeyPair = identity(1).into();
    let mut random = rng(VERSION);
    let gateway = identity(2).public_key();
    let handshake = client_handshake(&mut random, &mut wire, &keys, gateway, VERSION, ShutdownToken::new());
    block_on(handshake).ok().map(|result| json!(hx(result.derived_key.to_bytes())))
}

/// Message 2.
fn handshake_response(input: &[u8]) -> Option<Value> {
    client(input, &[1])
}

/// Message 2 as in the vectors, then message 4.
fn handshake_confirmation(input: &[u8]) -> Option<Value> {
    client(input.get(..RESPONSE)?, &input[RESPONSE..])
}

// --- Noise -----------------------------------------------------------------------------------------------------

/// `input` directs a peer that is honest but for what it says there: the header of each of its frames, a byte that is
/// XORed into the last byte of each message, and the plaintext that it sends at the end.
struct Script<'a> {
    headers: Vec<&'a [u8]>,
    flips: &'a [u8],
    plaintext: &'a [u8],
}

impl<'a> Script<'a> {
    fn of(input: &'a [u8], frames: usize) -> Option<Self> {
        let (head, plaintext) = (input.get(..9 * frames)?, &input[9 * frames..]);
        Some(Script { headers: head[..8 * frames].chunks(8).collect(), flips: &head[8 * frames..], plaintext })
    }

    fn frame(&self, index: usize, mut message: Vec<u8>) -> Vec<u8> {
        *message.last_mut().unwrap() ^= self.flips[index];
        [self.headers[index], &message].concat()
    }

    fn announces(&self, index: usize, length: u16) -> bool {
        self.headers[index][3..5] == length.to_be_bytes()
    }
}

async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let outgoing = TcpStream::connect(listener.local_addr().unwrap());
    let (outgoing, incoming) = futures::join!(outgoing, listener.accept());
    (outgoing.unwrap(), incoming.unwrap().0)
}

/// What a finished link delivers until its end; nothing at all counts as a refusal.
async fn drain(mut link: impl tokio::io::AsyncRead + Unpin) -> Option<Value> {
    let mut received = Vec::new();
    link.read_to_end(&mut received).await.ok()?;
    (!received.is_empty()).then(|| json!(hx(received)))
}

fn noise_responder(input: &[u8]) -> Option<Value> {
    let script = Script::of(input, 3)?;
    block_on(async {
        let (mut peer, stream) = sockets().await;
        let address = stream.peer_addr().unwrap();
        let crate_side = tokio::spawn(async move {
            let config = noise::config(noise::RESPONDER, address, noise::INITIATOR);
            drain(upgrade_noise_responder(stream, &config).await.ok()?).await
        });
        let mut state = noise::snow_initiator(&noise::EPHEMERAL);
        peer.write_all(&script.frame(0, noise::write(&mut state))).await.ok()?;
        if !script.announces(0, 48) {
            peer.shutdown().await.ok()?;
        } else {
            let mut second = [0; 56];
            peer.read_exact(&mut second).await.ok()?;
            noise::read(&mut state, &second[8..]);
            let third = script.frame(1, noise::write(&mut state));
            let mut transport = state.into_transport_mode().unwrap();
            let mut sealed = vec![0; script.plaintext.len() + 16];
            transport.write_message(script.plaintext, &mut sealed).ok()?;
            peer.write_all(&[third, script.frame(2, sealed)].concat()).await.ok()?;
            peer.shutdown().await.ok()?;
        }
        crate_side.await.ok().flatten()
    })
}

fn noise_initiator(input: &[u8]) -> Option<Value> {
    let script = Script::of(input, 2)?;
    block_on(async {
        let (stream, mut peer) = sockets().await;
        let address = stream.peer_addr().unwrap();
        let crate_side = tokio::spawn(async move {
            let config = noise::config(noise::INITIATOR, address, noise::RESPONDER);
            drain(upgrade_noise_initiator(stream, &config).await.ok()?).await
        });
        let mut state = noise::snow_responder(&noise::EPHEMERAL);
        let mut first = [0; 56];
        peer.read_exact(&mut first).await.ok()?;
        noise::read(&mut state, &first[8..]);
        peer.write_all(&script.frame(0, noise::write(&mut state))).await.ok()?;
        if !script.announces(0, 48) {
            peer.shutdown().await.ok()?;
        } else {
            let mut third = [0; 72];
            peer.read_exact(&mut third).await.ok()?;
            noise::read(&mut state, &third[8..]);
            let mut transport = state.into_transport_mode().unwrap();
            let mut sealed = vec![0; script.plaintext.len() + 16];
            transport.write_message(script.plaintext, &mut sealed).ok()?;
            peer.write_all(&script.frame(1, sealed)).await.ok()?;
            peer.shutdown().await.ok()?;
        }
        crate_side.await.ok().flatten()
    })
}
