//! rust-messages.json: messages of every kind, their padding and fragments, and what the reassembler makes of them.

use crate::common::*;
use crate::layer::recipient;
use crate::line;
use nym_sphinx::message::{NymMessage, PaddedMessage};
use nym_sphinx_anonymous_replies::requests::{AnonymousSenderTag, ReplyMessage};
use nym_sphinx_anonymous_replies::{ReplySurb, ReplySurbWithKeyRotation};
use nym_sphinx_chunking::fragment::Fragment;
use nym_sphinx_chunking::reconstruction::MessageReconstructor;
use nym_sphinx_params::{PacketSize, SphinxKeyRotation};
use serde_json::{json, Value};

const SENDER_TAG: [u8; 16] = [0xee; 16];

pub fn file() -> File {
    (
        "rust-messages",
        json!({
            "messages": messages(),
            "not_messages": not_messages(),
            "splits": splits(),
            "fragment_headers": fragment_headers(),
            "required_packets": required_packets(),
        }),
    )
}

/// `count` reply SURBs whose keys are 0x33 …, over the route of all vectors.
pub fn reply_surbs(version: u16, count: u8, rotation: SphinxKeyRotation) -> Vec<ReplySurbWithKeyRotation> {
    reply_surb_bytes(version, count)
        .iter()
        .map(|b| ReplySurb::from_bytes(b).unwrap().with_key_rotation(rotation))
        .collect()
}

fn reply_surb_bytes(version: u16, count: u8) -> Vec<Vec<u8>> {
    let surb = crate::surb::make(version, 4).to_bytes();
    (0..count).map(|i| [&[0x33 + i; 16][..], &surb].concat()).collect()
}

fn tag() -> AnonymousSenderTag {
    AnonymousSenderTag::from_bytes(SENDER_TAG)
}

/// The bytes of a message: what the padding leaves in front of the last 1.
fn bytes_of(message: NymMessage) -> Vec<u8> {
    let fragments = message.pad_to_full_packet_lengths(1611).split_into_fragments(&mut rng(1), 1611);
    let mut bytes: Vec<u8> = fragments.iter().flat_map(|f| f.payload().to_vec()).collect();
    bytes.truncate(bytes.iter().rposition(|b| *b == 1).unwrap());
    bytes
}

fn messages() -> Vec<Value> {
    let odd = SphinxKeyRotation::OddRotation;
    let even = SphinxKeyRotation::EvenRotation;
    let unknown = SphinxKeyRotation::Unknown;
    let data = || b"hi".to_vec();
    let plain = |data: Vec<u8>| NymMessage::new_plain(data);
    let surbs = |legacy, count| if legacy { reply_surbs(258, count, unknown) } else { reply_surbs(259, count, odd) };
    let repliable =
        |legacy, data, count| NymMessage::new_repliable(line::new_data(legacy, data, tag(), surbs(legacy, count)));
    let more =
        |legacy, count| NymMessage::new_repliable(line::new_additional_surbs(legacy, tag(), surbs(legacy, count)));
    let mut cases = vec![
        ("plain", plain(b"hello nym".to_vec()), json!({"data": hx(b"hello nym")})),
        ("plain, empty", plain(vec![]), json!({"data": ""})),
        ("plain, ends in padding bytes", plain(vec![1, 0, 1, 0, 0]), json!({"data": "0100010000"})),
        ("repliable v2, one SURB", repliable(false, data(), 1), json!({"data": hx(data()), "surbs": 1, "rotation": 1})),
        (
            "repliable v2, three SURBs",
            repliable(false, data(), 3),
            json!({"data": hx(data()), "surbs": 3, "rotation": 1}),
        ),
        ("repliable v2, no SURB", repliable(false, data(), 0), json!({"data": hx(data()), "surbs": 0, "rotation": 0})),
        (
            "repliable v2, even rotation",
            NymMessage::new_repliable(line::new_data(false, data(), tag(), reply_surbs(259, 1, even))),
            json!({"data": hx(data()), "surbs": 1, "rotation": 2}),
        ),
        ("additional SURBs v2", more(false, 2), json!({"surbs": 2, "rotation": 1})),
        (
            "reply",
            NymMessage::new_reply(ReplyMessage::new_data_message(b"pong".to_vec())),
            json!({"data": hx(b"pong")}),
        ),
        (
            "SURB request",
            NymMessage::new_reply(ReplyMessage::new_surb_request_message(recipient(1, 3, 2), 15)),
            json!({"recipient": recipient(1, 3, 2).to_string(), "amount": 15}),
        ),
    ];
    if line::HAS_V1 {
        let one = json!({"data": hx(data()), "surbs": 1, "rotation": 0});
        cases.push(("repliable v1, one SURB", repliable(true, data(), 1), one));
        let none = json!({"data": hx(data()), "surbs": 0, "rotation": 0});
        cases.push(("repliable v1, no SURB", repliable(true, data(), 0), none));
        cases.push(("additional SURBs v1", more(true, 2), json!({"surbs": 2, "rotation": 0})));
    }
    let mut values: Vec<Value> = cases
        .into_iter()
        .map(|(name, message, content)| {
            let bytes = bytes_of(message);
            json!({"name": name, "content": content, "bytes": hx(&bytes), "parsed": parse(&bytes)})
        })
        .collect();
    for (name, tag_byte, legacy) in [("heartbeat v1", 2u8, true), ("heartbeat v2", 5, false)] {
        if legacy && !line::HAS_V1 {
            continue;
        }
        let mut bytes = bytes_of(more(legacy, 1));
        bytes[17] = tag_byte;
        let rotation = if legacy { 0 } else { 1 };
        values.push(json!({"name": name, "content": {"surbs": 1, "rotation": rotation}, "bytes": hx(&bytes), "parsed": parse(&bytes)}));
    }
    values
}

/// How the crate displays what it parsed, or null if it refused.
fn parse(bytes: &[u8]) -> Option<String> {
    let padded = [bytes, &[1]].concat();
    PaddedMessage::new_reconstructed(padded).remove_padding().map(|m| m.to_string()).ok()
}

fn not_messages() -> Vec<Value> {
    let with_surb = |legacy, version, rotation| {
        let surbs = reply_surbs(version, 1, rotation);
        bytes_of(NymMessage::new_repliable(line::new_data(legacy, vec![7], tag(), surbs)))
    };
    let v2 = with_surb(false, 259, SphinxKeyRotation::OddRotation);
    let edited = |source: &[u8], position: usize, value: u8| {
        let mut bytes = source.to_vec();
        bytes[position] = value;
        bytes
    };
    let mut cases = vec![
        ("empty", vec![]),
        ("unknown type", vec![3, 1, 2]),
        ("repliable, tag only", v2[..17].to_vec()),
        ("repliable, empty content", v2[..18].to_vec()),
        ("repliable, unknown content", edited(&v2, 17, 6)),
        ("repliable v2, counts cut", v2[..21].to_vec()),
        ("repliable v2, SURB cut", v2[..481].to_vec()),
        ("repliable v2, count beyond the data", edited(&v2, 19, 2)),
        ("repliable v2, unknown rotation", edited(&v2, 21, 3)),
        ("repliable v2, hop count one less", edited(&v2, 20, 3)),
        ("repliable v2, first hop is no address", edited(&v2, 22 + 16 + 348, 5)),
        ("reply, empty", vec![2]),
        ("reply, no data", vec![2, 0]),
        ("reply, unknown content", vec![2, 2, 9]),
        ("SURB request, 99 bytes", [vec![2, 1], recipient(1, 3, 2).to_bytes().to_vec(), vec![0, 0, 1]].concat()),
        ("SURB request, 101 bytes", [vec![2, 1], recipient(1, 3, 2).to_bytes().to_vec(), vec![0, 0, 0, 1, 0]].concat()),
    ];
    if line::HAS_V1 {
        let v1 = with_surb(true, 258, SphinxKeyRotation::Unknown);
        cases.push(("repliable v1, count beyond the data", edited(&v1, 21, 2)));
        cases.push(("repliable v1, SURB cut", v1[..1185].to_vec()));
    }
    cases.extend(line::more_refused());
    cases.into_iter().map(|(name, bytes)| json!({"name": name, "bytes": hx(&bytes), "parsed": parse(&bytes)})).collect()
}

/// Whole messages cut into fragments. Long ones keep the set ids, the headers and one digest.
fn splits() -> Vec<Value> {
    let regular = 1611;
    let mut cases = vec![];
    for length in [0, 1, 100, 1602, 1603, 3206, 3207, 10_000] {
        cases.push((length, regular));
    }
    // The ends of one set and of two, and the first lengths of three.
    for length in [409_018, 409_019, 409_020, 818_032, 818_033, 1_227_046, 1_227_047] {
        cases.push((length, regular));
    }
    cases.extend([(10_000, 7755), (10_000, 15947), (40_000, 32331)]);
    cases.into_iter().enumerate().map(|(seed, (length, available))| split(seed as u8, length, available)).collect()
}

fn split(seed: u8, length: usize, available: usize) -> Value {
    let message = NymMessage::new_plain(pattern(length));
    let fragments = message.pad_to_full_packet_lengths(available).split_into_fragments(&mut rng(seed), available);
    let mut set_ids: Vec<i32> = fragments.iter().map(Fragment::id).collect();
    set_ids.dedup();
    let bytes: Vec<Vec<u8>> = fragments.iter().cloned().map(Fragment::into_bytes).collect();
    assert!(bytes.iter().all(|b| b.len() == available));
    let mut reconstructor = MessageReconstructor::new();
    let whole = fragments.iter().rev().find_map(|f| reconstructor.insert_new_fragment(f.clone())).unwrap();
    assert_eq!(whole.1, set_ids);
    json!({
        "length": length, "available": available, "set_ids": set_ids, "count": fragments.len(),
        "headers": headers(&fragments, &bytes), "sha256": sha(bytes.concat()), "padded_sha256": sha(whole.0),
    })
}

/// Headers of the fragments at the edges of each set: the others differ in their number only.
fn headers(fragments: &[Fragment], bytes: &[Vec<u8>]) -> Vec<Value> {
    (0..fragments.len())
        .filter(|&i| {
            i < 2
                || i + 1 == fragments.len()
                || fragments[i].current_fragment() == 1
                || fragments[i].current_fragment() == 255
        })
        .map(|i| {
            let linked =
                fragments[i].previous_fragments_set_id().is_some() || fragments[i].next_fragments_set_id().is_some();
            json!({"index": i, "header": hx(&bytes[i][..if linked { 10 } else { 7 }])})
        })
        .collect()
}

fn fragment_headers() -> Vec<Value> {
    [
        ("unlinked", "8102030401010068656c6c6f"),
        ("flag bit clear", "0102030401010068656c6c6f"),
        ("set id zero", "8000000001010068656c6c6f"),
        ("total zero", "8102030400000068656c6c6f"),
        ("number zero", "8102030401000068656c6c6f"),
        ("number above total", "8102030401020068656c6c6f"),
        ("linked to the previous set", "81020304ff018102030568656c6c6f"),
        ("linked to the next set", "81020304ffff8102030568656c6c6f"),
        ("linked in the middle", "81020304ff028102030568656c6c6f"),
        ("linked at the end of a short set", "81020304fefe8102030568656c6c6f"),
        ("linked to itself", "81020304ff018102030468656c6c6f"),
        ("linked to zero", "81020304ff018000000068656c6c6f"),
        ("link without its top bit", "81020304ff010102030568656c6c6f"),
        ("first of one, linked", "8102030401018102030568656c6c6f"),
        ("six bytes", "810203040101"),
        ("seven bytes", "81020304010100"),
        ("linked, nine bytes", "81020304ff01810203"),
        ("linked, ten bytes", "81020304ff0181020305"),
        ("empty", ""),
    ]
    .into_iter()
    .map(|(name, bytes)| {
        let parsed = Fragment::try_from_bytes(&hex::decode(bytes).unwrap()).ok();
        let fields = parsed.map(|f| json!({
            "set_id": f.id(), "total": f.total_fragments(), "number": f.current_fragment(),
            "previous": f.previous_fragments_set_id(), "next": f.next_fragments_set_id(), "payload": hx(f.payload()),
        }));
        json!({"name": name, "bytes": bytes, "fields": fields})
    })
    .collect()
}

/// How many packets of a size a plain message needs: the slightly pessimistic count that chooses between sizes, and the true one.
fn required_packets() -> Vec<Value> {
    let mut cases = Vec::new();
    for size in [
        PacketSize::RegularPacket,
        PacketSize::ExtendedPacket8,
        PacketSize::ExtendedPacket16,
        PacketSize::ExtendedPacket32,
    ] {
        for length in [0, 100, 1602, 1603, 10_000, 65_536, 409_018, 409_019, 1_000_000] {
            let message = NymMessage::new_plain(vec![7; length]);
            let available = message.available_sphinx_plaintext_per_packet(size);
            let estimate = message.required_packets(size);
            let count =
                message.pad_to_full_packet_lengths(available).split_into_fragments(&mut rng(1), available).len();
            cases.push(json!({"size": size.to_string(), "length": length, "available": available, "estimate": estimate, "count": count}));
        }
    }
    cases
}
