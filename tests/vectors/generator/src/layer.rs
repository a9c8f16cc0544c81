//! rust-nym-layer.json: shared keys, digests, acks, addresses, sizes and rotations of the nym layer above Sphinx.

use crate::common::*;
use nym_crypto::asymmetric::{ed25519, x25519};
use nym_crypto::shared_key::{new_ephemeral_shared_key, recompute_shared_key};
use nym_crypto::{blake3, hkdf};
use nym_sphinx_acknowledgements::identifier::{prepare_identifier, recover_identifier};
use nym_sphinx_acknowledgements::AckKey;
use nym_sphinx_addressing::clients::Recipient;
use nym_sphinx_addressing::nodes::NymNodeRoutingAddress;
use nym_sphinx_anonymous_replies::encryption_key::SurbEncryptionKey;
use nym_sphinx_anonymous_replies::requests::AnonymousSenderTag;
use nym_sphinx_params::{PacketEncryptionAlgorithm, PacketHkdfAlgorithm, PacketSize, PacketType, SphinxKeyRotation};
use nym_sphinx_types::NodeAddressBytes;
use serde_json::{json, Value};

pub fn file() -> File {
    (
        "rust-nym-layer",
        json!({
            "hkdf_blake3": hkdf_blake3(),
            "shared_keys": shared_keys(),
            "reply_key_digests": reply_key_digests(),
            "acks": acks(),
            "short_acks": ([0, 16, 20].map(|n| json!({"length": n, "recovered": recover_identifier(&ack_key(1), &vec![0; n]).is_some()}))),
            "node_addresses": node_addresses(),
            "bad_node_addresses": bad_node_addresses(),
            "recipients": recipients(),
            "bad_recipients": bad_recipients(),
            "sender_tags": ([[0u8; 16], [0xee; 16]].map(|tag| json!({"bytes": hx(tag), "text": AnonymousSenderTag::from_bytes(tag).to_base58_string()}))),
            "packet_sizes": packet_sizes(),
            "packet_lengths": ([385, 386, 387, 365, 377, 2371, 2377, 2412, 2413, 2414, 8557, 16749, 33133, 33134, 0]
                .map(|n| json!({"length": n, "size": PacketSize::get_type(n).map(|s| s.to_string()).ok()}))),
            "packet_types": (0..=3).map(|n: u8| json!({"byte": n, "known": PacketType::try_from(n).is_ok()})).collect::<Vec<_>>(),
            "rotations": ([0, 1, 2, 3, 129, 130, u32::MAX - 1, u32::MAX].map(|id| json!({"id": id, "byte": SphinxKeyRotation::from(id) as u8}))),
            "rotation_bytes": (0..=4).map(|n: u8| json!({"byte": n, "known": SphinxKeyRotation::try_from(n).is_ok()})).collect::<Vec<_>>(),
        }),
    )
}

fn hkdf_blake3() -> Vec<Value> {
    let salts: [Option<&[u8]>; 3] = [None, Some(&[5; 16]), Some(&[6; 80])];
    let infos: [Option<&[u8]>; 2] = [None, Some(b"some info")];
    let mut cases = Vec::new();
    for salt in salts {
        for info in infos {
            for length in [16, 32, 80] {
                let output = hkdf::extract_then_expand::<blake3::Hasher>(salt, &pattern(32), info, length).unwrap();
                cases.push(
                    json!({"salt": salt.map(hx), "ikm": hx(pattern(32)), "info": info.map(hx), "output": hx(output)}),
                );
            }
        }
    }
    cases
}

/// g^x and the key that both sides derive from it.
fn shared_keys() -> Vec<Value> {
    (0x21..=0x23)
        .map(|seed: u8| {
            let recipient = x25519::PrivateKey::from_secret([seed + 1; 32]);
            let (pair, key) = new_ephemeral_shared_key::<PacketEncryptionAlgorithm, PacketHkdfAlgorithm, _>(
                &mut rng(seed),
                &recipient.public_key(),
            );
            let again = recompute_shared_key::<PacketEncryptionAlgorithm, PacketHkdfAlgorithm>(pair.public_key(), &recipient);
            assert_eq!(key, again);
            json!({
                "ephemeral_secret": hx(pair.private_key().to_bytes()), "ephemeral_public": hx(pair.public_key().to_bytes()),
                "recipient_secret": hx(recipient.to_bytes()), "recipient_public": hx(recipient.public_key().to_bytes()),
                "dh": hx(pair.private_key().diffie_hellman(&recipient.public_key())), "key": hx(key),
            })
        })
        .chain(std::iter::once({
            let recipient = x25519::PrivateKey::from_secret([0x22; 32]);
            let ephemeral = x25519::PrivateKey::from_secret([0x21; 32]);
            let key = recompute_shared_key::<PacketEncryptionAlgorithm, PacketHkdfAlgorithm>(&ephemeral.public_key(), &recipient);
            json!({
                "ephemeral_secret": hx(ephemeral.to_bytes()), "ephemeral_public": hx(ephemeral.public_key().to_bytes()),
                "recipient_secret": hx(recipient.to_bytes()), "recipient_public": hx(recipient.public_key().to_bytes()),
                "dh": hx(ephemeral.diffie_hellman(&recipient.public_key())), "key": hx(key),
            })
        }))
        .collect()
}

fn reply_key_digests() -> Vec<Value> {
    [[0x33u8; 16], [0; 16], [0xff; 16]]
        .iter()
        .map(|key| json!({"key": hx(key), "digest": hx(SurbEncryptionKey::try_from_bytes(key).unwrap().compute_digest())}))
        .collect()
}

pub fn ack_key(byte: u8) -> AckKey {
    AckKey::try_from_bytes(&[byte; 16]).unwrap()
}

fn acks() -> Vec<Value> {
    [[1, 2, 3, 4, 1], [0, 0, 0, 0, 0], [0x7f, 0xff, 0xff, 0xff, 255], [0x80, 0, 0, 1, 1]]
        .into_iter()
        .map(|id: [u8; 5]| {
            let sealed = prepare_identifier(&mut rng(id[4]), &ack_key(0x44), id);
            assert_eq!(recover_identifier(&ack_key(0x44), &sealed), Some(id));
            json!({"key": hx([0x44; 16]), "iv": hx(&sealed[..16]), "id": hx(id), "sealed": hx(&sealed)})
        })
        .collect()
}

fn node_addresses() -> Vec<Value> {
    [
        "127.0.0.1:1789",
        "10.0.0.4:1",
        "255.255.255.255:65535",
        "[::1]:1789",
        "[2001:db8::17]:65535",
        "[::ffff:10.0.0.1]:1789",
    ]
    .iter()
    .map(|text| {
        let address = NymNodeRoutingAddress::from(text.parse::<std::net::SocketAddr>().unwrap());
        let padded: NodeAddressBytes = address.try_into().unwrap();
        assert_eq!(NymNodeRoutingAddress::try_from(padded).unwrap(), address);
        json!({"text": text, "bytes": hx(address.as_bytes()), "padded_19": hx(address.as_zero_padded_bytes(19)),
                   "padded_32": hx(padded.as_bytes())})
    })
    .collect()
}

fn bad_node_addresses() -> Vec<Value> {
    let cases: Vec<Vec<u8>> = vec![
        vec![],
        vec![4],
        vec![4, 6, 0xfd, 10, 0, 0],
        vec![4, 6, 0xfd, 10, 0, 0, 1],
        vec![4, 6, 0xfd, 10, 0, 0, 1, 99],
        vec![6; 18],
        vec![6; 19],
        vec![5; 32],
        vec![0; 32],
    ];
    cases
        .into_iter()
        .map(|bytes| json!({"bytes": hx(&bytes), "text": NymNodeRoutingAddress::try_from_bytes(&bytes).map(|a| a.to_string()).ok()}))
        .collect()
}

pub fn identity(byte: u8) -> ed25519::PrivateKey {
    ed25519::PrivateKey::from_bytes(&[byte; 32]).unwrap()
}

pub fn recipient(client: u8, encryption: u8, gateway: u8) -> Recipient {
    Recipient::new(
        identity(client).public_key(),
        x25519::PrivateKey::from_secret([encryption; 32]).public_key(),
        identity(gateway).public_key(),
    )
}

fn recipients() -> Vec<Value> {
    [(1, 3, 2), (0xa1, 0xa2, 0xa3), (0xff, 0xfe, 0xfd)]
        .into_iter()
        .map(|(client, encryption, gateway)| {
            let recipient = recipient(client, encryption, gateway);
            assert_eq!(Recipient::try_from_base58_string(recipient.to_string()).unwrap(), recipient);
            json!({"identity_seed": hx([client; 32]), "encryption_secret": hx([encryption; 32]), "gateway_seed": hx([gateway; 32]),
                   "bytes": hx(recipient.to_bytes()), "text": recipient.to_string(),
                   "sphinx_destination": hx(recipient.as_sphinx_destination().address.as_bytes())})
        })
        .collect()
}

fn bad_recipients() -> Vec<Value> {
    let good = recipient(1, 3, 2).to_string();
    let bytes = recipient(1, 3, 2).to_bytes();
    let text = |b: [u8; 96]| format!("{}.{}@{}", bs58(&b[..32]), bs58(&b[32..64]), bs58(&b[64..]));
    let with = |range: std::ops::Range<usize>, value: [u8; 32]| {
        let mut changed = bytes;
        changed[range].copy_from_slice(&value);
        text(changed)
    };
    // y = 2 is on no curve point; 2^255 - 18 is y = 1 written in a non-canonical way.
    let mut no_point = [0u8; 32];
    no_point[0] = 2;
    let mut non_canonical = [0xffu8; 32];
    non_canonical[0] = 0xee;
    non_canonical[31] = 0x7f;
    let mut negative_zero = [0u8; 32];
    negative_zero[0] = 1;
    negative_zero[31] = 0x80;
    let cases = vec![
        ("intact", good.clone()),
        ("empty", String::new()),
        ("no at sign", good.replace('@', "")),
        ("two at signs", good.replace('@', "@@")),
        ("second gateway", format!("{good}@{good}")),
        ("no dot", good.replace('.', "")),
        ("two dots", good.replace('.', "..")),
        ("dot in the gateway", good.replace('@', "@.")),
        ("foreign character", good.replacen('A', "0", 1)),
        ("leading space", format!(" {good}")),
        ("trailing newline", format!("{good}\n")),
        ("without its first character", good[1..].to_string()),
        ("identity off the curve", with(0..32, no_point)),
        ("gateway off the curve", with(64..96, no_point)),
        ("encryption key off the curve", with(32..64, no_point)),
        ("encryption key zero", with(32..64, [0; 32])),
        ("identity zero", with(0..32, [0; 32])),
        ("identity non-canonical", with(0..32, non_canonical)),
        ("identity one with sign", with(0..32, negative_zero)),
    ];
    cases
        .into_iter()
        .map(|(name, text)| {
            let bytes = Recipient::try_from_base58_string(text.clone()).map(|r| hx(r.to_bytes())).ok();
            json!({"name": name, "text": text, "bytes": bytes})
        })
        .collect()
}

fn bs58(bytes: &[u8]) -> String {
    x25519::PublicKey::from_bytes(bytes).unwrap().to_base58_string()
}

fn packet_sizes() -> Vec<Value> {
    (0u8..=8)
        .filter_map(|tag| PacketSize::try_from(tag).ok())
        .map(|size| {
            json!({"tag": size as u8, "name": size.to_string(), "packet": size.size(), "payload": size.payload_size(),
                           "plaintext": size.plaintext_size()})
        })
        .collect()
}
