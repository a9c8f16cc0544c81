//! rust-directory.json: the JSON bodies of the directory API, written by the crate's own types, and bodies with which
//! its parsers are tried.

use crate::common::*;
use crate::layer::identity;
use crate::line::DeclaredRolesV1;
use nym_api_requests::models::{KeyRotationDetails, KeyRotationInfoResponse, NodeRefreshBody, RewardedSetResponse};
use nym_api_requests::nym_nodes::{
    BasicEntryInformation, NodeRole, NodesByAddressesRequestBody, NodesByAddressesResponse, NodesResponseMetadata,
    PaginatedCachedNodesResponseV2, SemiSkimmedNodeV1, SemiSkimmedNodeV3, SkimmedNodeV1, TopologyRequestStatus,
};
use nym_api_requests::pagination::{PaginatedResponse, Pagination};
use nym_crypto::asymmetric::x25519;
use nym_mixnet_contract_common::KeyRotationState;
use nym_node_requests::api::v1::node::models::{HostInformation, HostKeys, SphinxKey};
use nym_node_requests::api::{SignedData, SignedHostInformation};
use nym_noise_keys::{NoiseVersion, VersionedNoiseKeyV1};
use nym_topology::node::RoutingNode;
use serde::de::DeserializeOwned;
use serde::Serialize;
use serde_json::{json, Value};
use std::collections::HashMap;
use std::time::Duration;
use time::OffsetDateTime;

type SkimmedPage = PaginatedCachedNodesResponseV2<SkimmedNodeV1>;
type SemiSkimmedPage = PaginatedCachedNodesResponseV2<SemiSkimmedNodeV1>;

pub fn file() -> File {
    (
        "rust-directory",
        json!({
            "key_rotation_info": key_rotation_info(), "rewarded_set": text(&rewarded_set()),
            "skimmed": text(&skimmed_page()), "routing_nodes": routing_nodes(), "semi_skimmed": text(&semi_skimmed_page()),
            "semi_skimmed_v3": text(&page(vec![semi_skimmed_v3()])), "statuses": statuses(),
            "by_addresses": by_addresses(), "refresh": refresh(), "host_information": host_information(),
            "readings": readings(),
        }),
    )
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

/// 2026-09-20 10:00:00 UTC.
fn start() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_789_898_400).unwrap()
}

fn key_rotation_info() -> Vec<Value> {
    [(24, 0, 130), (24, 100, 99), (24, 100, 130), (1, 0, 7), (2, 3, 9)]
        .into_iter()
        .map(|(validity_epochs, initial_epoch_id, epoch)| {
            let details = KeyRotationDetails {
                key_rotation_state: KeyRotationState { validity_epochs, initial_epoch_id },
                current_absolute_epoch_id: epoch,
                current_epoch_start: start(),
                epoch_duration: Duration::from_millis(3_600_500),
            };
            let info: KeyRotationInfoResponse = details.into();
            json!({"text": text(&info), "validity": validity_epochs, "initial": initial_epoch_id, "epoch": epoch,
                   "start": start().unix_timestamp(), "rotation_id": info.progress.current_key_rotation_id})
        })
        .collect()
}

fn rewarded_set() -> RewardedSetResponse {
    RewardedSetResponse {
        epoch_id: 130,
        entry_gateways: vec![4, 6],
        exit_gateways: vec![5],
        layer1: vec![1, 11],
        layer2: vec![2],
        layer3: vec![3],
        standby: vec![9],
    }
}

fn roles(mixnode: bool) -> DeclaredRolesV1 {
    DeclaredRolesV1 { mixnode, entry: !mixnode, exit_nr: !mixnode, exit_ipr: false }
}

fn key(byte: u8) -> x25519::PublicKey {
    x25519::PrivateKey::from_secret([byte; 32]).public_key()
}

fn node(id: u8) -> SkimmedNodeV1 {
    let entry = BasicEntryInformation {
        hostname: (id == 5).then(|| "gateway.example".into()),
        ws_port: 9000 + id as u16,
        wss_port: (id == 5).then_some(9001),
    };
    SkimmedNodeV1 {
        node_id: id as u32,
        ed25519_identity_pubkey: identity(id).public_key(),
        ip_addresses: if id == 5 {
            vec!["2001:db8::5".parse().unwrap(), "10.0.0.5".parse().unwrap()]
        } else {
            vec![format!("10.0.0.{id}").parse().unwrap()]
        },
        mix_port: 1789,
        x25519_sphinx_pubkey: key(0x10 + id),
        role: match id {
            1..=3 => NodeRole::Mixnode { layer: id },
            4 => NodeRole::EntryGateway,
            5 => NodeRole::ExitGateway,
            6 => NodeRole::Standby,
            _ => NodeRole::Inactive,
        },
        supported_roles: roles(id < 4),
        entry: (id > 3).then_some(entry),
        performance: [1.0, 0.995, 0.5, 0.4949, 0.0][id as usize % 5].to_string().parse().unwrap(),
    }
}

fn metadata() -> NodesResponseMetadata {
    NodesResponseMetadata {
        status: None,
        absolute_epoch_id: 130,
        rotation_id: 5,
        refreshed_at: (start() + Duration::from_secs(300)).into(),
    }
}

fn page<T>(data: Vec<T>) -> PaginatedCachedNodesResponseV2<T> {
    let pagination = Pagination { total: data.len(), page: 0, size: data.len() };
    PaginatedCachedNodesResponseV2 { metadata: metadata(), nodes: PaginatedResponse { pagination, data } }
}

fn skimmed_page() -> SkimmedPage {
    page((1..=7).map(node).collect())
}

/// How the crate's topology sees each row.
fn routing_nodes() -> Vec<Value> {
    (1..=7)
        .map(|id| {
            let routing = RoutingNode::try_from(&node(id)).unwrap();
            json!({"node_id": id, "mix_host": routing.mix_host.to_string(), "identity": hx(routing.identity_key.to_bytes()),
                   "sphinx_key": hx(routing.sphinx_key.to_bytes()), "entry": routing.supported_roles.mixnet_entry,
                   "exit": routing.supported_roles.mixnet_exit, "ws": routing.ws_entry_address(false),
                   "performance": node(id).performance.to_string(), "percent": node(id).performance.round_to_integer()})
        })
        .collect()
}

fn noise_key(byte: u8) -> VersionedNoiseKeyV1 {
    VersionedNoiseKeyV1 { supported_version: NoiseVersion::V1, x25519_pubkey: key(byte) }
}

fn semi_skimmed_page() -> SemiSkimmedPage {
    let newer = VersionedNoiseKeyV1 { supported_version: NoiseVersion::Unknown(2), x25519_pubkey: key(0x0d) };
    page(vec![
        SemiSkimmedNodeV1 { basic: node(1), x25519_noise_versioned_key: Some(noise_key(0x0c)) },
        SemiSkimmedNodeV1 { basic: node(2), x25519_noise_versioned_key: None },
        SemiSkimmedNodeV1 { basic: node(3), x25519_noise_versioned_key: Some(newer) },
    ])
}

fn semi_skimmed_v3() -> SemiSkimmedNodeV3 {
    SemiSkimmedNodeV3 { basic: node(1), noise_key: Some(noise_key(0x0c)), build_version: "1.21.0".into(), lp: None }
}

fn statuses() -> Vec<Value> {
    let interval = json!({"id": 1, "epochs_in_interval": 720, "current_epoch_start": "2026-09-20T10:00:00Z", "current_epoch_id": 3,
                          "epoch_length": {"secs": 3600, "nanos": 0}, "total_elapsed_epochs": 723});
    let fresh = TopologyRequestStatus::Fresh(serde_json::from_value(interval).unwrap());
    [None, Some(TopologyRequestStatus::NoUpdates), Some(fresh)]
        .into_iter()
        .map(|status| json!(text(&NodesResponseMetadata { status, ..metadata() })))
        .collect()
}

fn by_addresses() -> Value {
    let addresses: Vec<std::net::IpAddr> = vec!["10.0.0.4".parse().unwrap(), "2001:db8::5".parse().unwrap()];
    let existence = HashMap::from([(addresses[0], Some(4))]);
    json!({"request": text(&NodesByAddressesRequestBody { addresses }), "response": text(&NodesByAddressesResponse { existence }),
           "unknown": text(&NodesByAddressesResponse { existence: HashMap::from([("10.0.0.9".parse().unwrap(), None)]) })})
}

fn refresh() -> Value {
    let private = identity(2);
    let plaintext = NodeRefreshBody::plaintext(private.public_key(), 1_700_000_000);
    let body = NodeRefreshBody {
        node_identity: private.public_key(),
        request_timestamp: 1_700_000_000,
        signature: private.sign(&plaintext),
    };
    assert!(body.verify_signature());
    json!({"seed": hx([2; 32]), "plaintext": hx(plaintext), "signature": hx(body.signature.to_bytes()), "text": text(&body)})
}

#[allow(deprecated)]
fn host_information() -> Vec<Value> {
    [(None, None, None), (Some("gateway.example"), Some(noise_key(0x0c)), Some(SphinxKey { rotation_id: 6, public_key: key(0x15) }))]
        .into_iter()
        .map(|(hostname, noise, next)| {
            let keys = HostKeys {
                ed25519_identity: identity(2).public_key(),
                x25519_sphinx: key(4),
                primary_x25519_sphinx_key: SphinxKey { rotation_id: 5, public_key: key(4) },
                pre_announced_x25519_sphinx_key: next,
                x25519_versioned_noise: noise,
            };
            let data = HostInformation { ip_address: vec!["127.0.0.1".parse().unwrap()], hostname: hostname.map(Into::into), keys };
            let signed = SignedData::new(data, &identity(2)).unwrap();
            assert!(SignedHostInformation::verify_host_information(&signed));
            json!({"seed": hx([2; 32]), "plaintext": text(&signed.data), "signature": signed.signature.to_base58_string(), "text": text(&signed)})
        })
        .collect()
}

/// Bodies that differ from good ones in one place, and whether the crate reads them.
fn readings() -> Vec<Value> {
    let info = text(&KeyRotationInfoResponse::from(KeyRotationDetails {
        key_rotation_state: KeyRotationState { validity_epochs: 24, initial_epoch_id: 0 },
        current_absolute_epoch_id: 130,
        current_epoch_start: start(),
        epoch_duration: Duration::from_secs(3600),
    }));
    let mut cases = Vec::new();
    try_edits::<KeyRotationInfoResponse>(
        &mut cases,
        "key_rotation_info",
        &info,
        &[
            (r#""validity_epochs":24"#, r#""validity_epochs":24,"more":1"#),
            (r#""current_absolute_epoch_id""#, r#""more":1,"current_absolute_epoch_id""#),
            (r#""validity_epochs":24"#, r#""validity_epochs":-1"#),
            (r#""progress""#, r#""progressed""#),
            ("2026-09-20T10:00:00Z", "2026-09-20T12:00:00+02:00"),
            ("2026-09-20T10:00:00Z", "2026-09-20 10:00:00.0 +00:00:00"),
            (r#""nanos":0"#, r#""nanos":999999999"#),
            (r#""nanos":0"#, r#""nanos":1000000000"#),
        ],
    );
    try_edits::<RewardedSetResponse>(
        &mut cases,
        "rewarded_set",
        &text(&rewarded_set()),
        &[
            (r#""epoch_id":130,"#, ""),
            (r#","standby":[9]"#, ""),
            (r#""layer2":[2]"#, r#""layer2":["2"]"#),
            (r#""layer2":[2]"#, r#""layer2":[4294967296]"#),
            (r#""layer2":[2]"#, r#""layer2":[],"layer4":[1]"#),
        ],
    );
    try_edits::<SkimmedPage>(
        &mut cases,
        "skimmed",
        &text(&page(vec![node(4)])),
        &[
            (r#""role":"EntryGateway""#, r#""epoch_role":"EntryGateway""#),
            (r#""role":"EntryGateway""#, r#""role":"entry""#),
            (r#""role":"EntryGateway""#, r#""role":"gateway""#),
            (r#""role":"EntryGateway""#, r#""role":"Unheard""#),
            (r#""role":"EntryGateway""#, r#""role":{"Mixnode":{"layer":1}}"#),
            (r#""status":null"#, r#""status":"no-updates""#),
            (r#""status":null"#, r#""status":"other""#),
            (r#""status":null,"#, ""),
            ("2026-09-20 10:05:00.0 +00:00:00", "2026-09-20T10:05:00Z"),
            ("2026-09-20 10:05:00.0 +00:00:00", "yesterday"),
            (r#""mix_port":1789"#, r#""mix_port":65536"#),
            (r#""mix_port":1789"#, r#""mix_port":1789,"more":{}"#),
            (r#""10.0.0.4""#, r#""10.0.0.256""#),
            (r#"["10.0.0.4"]"#, "[]"),
            (r#""performance":"0""#, r#""performance":0"#),
            (r#""performance":"0""#, r#""performance":"1.1""#),
            (r#""performance":"0""#, r#""performance":"-0.1""#),
            (r#""performance":"0""#, r#""performance":"0.12345678901234567891""#),
            (r#""wss_port":null"#, r#""wss_port":443"#),
            (r#","wss_port":null"#, ""),
            (r#""hostname":null,"#, ""),
            (r#""exit_ipr":false"#, r#""exit_ipr":false,"more":true"#),
            (r#""rotation_id":5"#, r#""rotation_id":4294967295"#),
            (r#""total":1"#, r#""total":2"#),
        ],
    );
    cases
}

fn try_edits<T: DeserializeOwned>(cases: &mut Vec<Value>, kind: &str, good: &str, edits: &[(&str, &str)]) {
    assert!(serde_json::from_str::<T>(good).is_ok());
    for (from, to) in edits {
        assert!(good.contains(from), "{kind} has no {from}: {good}");
        let text = good.replacen(from, to, 1);
        cases.push(json!({"kind": kind, "edit": format!("{from} → {to}"), "text": text, "accepted": serde_json::from_str::<T>(&text).is_ok()}));
    }
}
