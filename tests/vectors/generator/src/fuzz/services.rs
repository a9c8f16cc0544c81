//! Decoders of the services: requester messages, exit policies, the documents of the directory.

use super::{text, Decoder};
use crate::common::*;
use nym_api_requests::models::{KeyRotationInfoResponse, NodeRefreshBody, RewardedSetResponse};
use nym_api_requests::nym_nodes::{
    NodesByAddressesRequestBody, NodesByAddressesResponse, NodesResponseMetadata, PaginatedCachedNodesResponseV2,
    SemiSkimmedNodeV1, SkimmedNodeV1, TopologyRequestStatus,
};
use nym_api_requests::pagination::Pagination;
use nym_exit_policy::ExitPolicy;
use nym_service_providers_common::interface::{ControlResponse, RequestContent, ResponseContent};
use nym_socks5_requests::response::Socks5ResponseContent;
use nym_socks5_requests::{QueryResponse, Socks5ProviderRequest, Socks5ProviderResponse, Socks5RequestContent};
use serde::de::DeserializeOwned;
use serde_json::{json, Value};
use std::net::IpAddr;

pub const DECODERS: &[(&str, Decoder)] = &[
    ("socks5_request", socks5_request),
    ("socks5_response", socks5_response),
    ("policy_text", policy_text),
    ("key_rotation_info", key_rotation_info),
    ("rewarded_set", rewarded_set),
    ("node_list", node_list),
    ("semi_skimmed_list", semi_skimmed_list),
    ("address_query", address_query),
    ("address_reply", address_reply),
    ("refresh_request", refresh_request),
];

// --- requester -------------------------------------------------------------------------------------------------

fn socks5_request(input: &[u8]) -> Option<Value> {
    let request = Socks5ProviderRequest::try_from_bytes(input).ok()?;
    Some(match request.content {
        RequestContent::Control(control) => json!({"kind": "control", "what": format!("{control:?}")}),
        RequestContent::ProviderData(data) => match data.content {
            Socks5RequestContent::Connect(connect) => {
                json!({"kind": "connect", "connection": connect.conn_id, "address": connect.remote_addr,
                       "return": connect.return_address.map(|r| hx(r.to_bytes()))})
            }
            Socks5RequestContent::Send(send) => {
                json!({"kind": "send", "connection": send.data.header.connection_id, "sequence": send.data.header.seq,
                       "closed": send.data.header.local_socket_closed, "data": hx(send.data.data)})
            }
            Socks5RequestContent::Query(query) => json!({"kind": "query", "what": format!("{query:?}")}),
        },
    })
}

fn socks5_response(input: &[u8]) -> Option<Value> {
    let response = Socks5ProviderResponse::try_from_bytes(input).ok()?;
    Some(match response.content {
        ResponseContent::Control(control) => control_response(control)?,
        ResponseContent::ProviderData(data) => match data.content {
            Socks5ResponseContent::NetworkData { content } => {
                json!({"kind": "data", "connection": content.header.connection_id, "sequence": content.header.seq,
                       "closed": content.header.local_socket_closed, "data": hx(content.data)})
            }
            Socks5ResponseContent::ConnectionError(error) => {
                json!({"kind": "error", "connection": error.connection_id, "text": error.network_requester_error})
            }
            Socks5ResponseContent::Query(query) => query_response(query)?,
        },
    })
}

fn control_response(control: ControlResponse) -> Option<Value> {
    Some(match control {
        ControlResponse::Health => json!({"kind": "health"}),
        ControlResponse::BinaryInfo(info) => json!({"kind": "binary", "info": serde_json::to_value(info).ok()?}),
        ControlResponse::SupportedRequestVersions(versions) => {
            json!({"kind": "versions", "versions": serde_json::to_value(versions).ok()?})
        }
        ControlResponse::Error(error) => json!({"kind": "control error", "error": serde_json::to_value(error).ok()?}),
    })
}

fn query_response(query: QueryResponse) -> Option<Value> {
    Some(match query {
        QueryResponse::OpenProxy(open) => json!({"kind": "open", "open": open}),
        QueryResponse::Description(text) => json!({"kind": "description", "text": text}),
        QueryResponse::ExitPolicy { enabled, upstream, policy } => {
            json!({"kind": "policy", "enabled": enabled, "upstream": upstream, "policy": policy.map(|p| p.format_as_torrc())})
        }
        QueryResponse::Error { message } => json!({"kind": "query error", "text": message}),
        _ => return None,
    })
}

fn policy_text(input: &[u8]) -> Option<Value> {
    ExitPolicy::parse_from_torrc(text(input)?).ok().map(|policy| json!(policy.format_as_torrc()))
}

// --- directory -------------------------------------------------------------------------------------------------

fn parse<T: DeserializeOwned>(input: &[u8]) -> Option<T> {
    serde_json::from_slice(input).ok()
}

/// The start in microseconds: Python knows no finer ones.
fn key_rotation_info(input: &[u8]) -> Option<Value> {
    let info: KeyRotationInfoResponse = parse(input)?;
    let (details, progress) = (info.details, info.progress);
    let state = details.key_rotation_state;
    let start = details.current_epoch_start.unix_timestamp_nanos().div_euclid(1000) as i64;
    Some(
        json!({"validity": state.validity_epochs, "initial": state.initial_epoch_id, "epoch": details.current_absolute_epoch_id,
                "start": start, "secs": details.epoch_duration.as_secs(), "nanos": details.epoch_duration.subsec_nanos(),
                "progress": [progress.current_key_rotation_id, progress.current_rotation_starting_epoch,
                             progress.current_rotation_ending_epoch]}),
    )
}

fn rewarded_set(input: &[u8]) -> Option<Value> {
    serde_json::to_value(parse::<RewardedSetResponse>(input)?).ok()
}

fn ip(address: &IpAddr) -> String {
    match address {
        IpAddr::V4(address) => hx(address.octets()),
        IpAddr::V6(address) => hx(address.octets()),
    }
}

fn metadata(metadata: NodesResponseMetadata) -> Value {
    let status = match metadata.status {
        None => "none",
        Some(TopologyRequestStatus::NoUpdates) => "no-updates",
        Some(TopologyRequestStatus::Fresh(_)) => "fresh",
    };
    json!({"status": status, "epoch": metadata.absolute_epoch_id, "rotation": metadata.rotation_id})
}

fn pagination(pagination: Pagination) -> Value {
    json!([pagination.total, pagination.page, pagination.size])
}

/// A row without its role; of the performance only whether it suffices.
fn row(node: &SkimmedNodeV1) -> Value {
    let roles = &node.supported_roles;
    json!({"id": node.node_id, "identity": hx(node.ed25519_identity_pubkey.to_bytes()),
           "ips": node.ip_addresses.iter().map(ip).collect::<Vec<_>>(), "port": node.mix_port,
           "sphinx": hx(node.x25519_sphinx_pubkey.to_bytes()),
           "roles": [roles.mixnode, roles.entry, roles.exit_nr && roles.exit_ipr],
           "entry": node.entry.as_ref().map(|e| json!([e.hostname, e.ws_port, e.wss_port])),
           "performs": node.performance.round_to_integer() >= 50})
}

fn node_list(input: &[u8]) -> Option<Value> {
    let page: PaginatedCachedNodesResponseV2<SkimmedNodeV1> = parse(input)?;
    let rows: Vec<Value> = page.nodes.data.iter().map(row).collect();
    Some(json!({"metadata": metadata(page.metadata), "pagination": pagination(page.nodes.pagination), "rows": rows}))
}

fn semi_skimmed_list(input: &[u8]) -> Option<Value> {
    let page: PaginatedCachedNodesResponseV2<SemiSkimmedNodeV1> = parse(input)?;
    let rows: Vec<Value> = page
        .nodes
        .data
        .iter()
        .map(|node| {
            let mut value = row(&node.basic);
            value["noise"] = json!(node.x25519_noise_versioned_key.map(|key| hx(key.x25519_pubkey.to_bytes())));
            value
        })
        .collect();
    Some(json!({"metadata": metadata(page.metadata), "pagination": pagination(page.nodes.pagination), "rows": rows}))
}

fn address_query(input: &[u8]) -> Option<Value> {
    let body: NodesByAddressesRequestBody = parse(input)?;
    Some(body.addresses.iter().map(ip).collect())
}

fn address_reply(input: &[u8]) -> Option<Value> {
    let body: NodesByAddressesResponse = parse(input)?;
    Some(Value::Object(body.existence.iter().map(|(address, id)| (ip(address), json!(id))).collect()))
}

/// A request whose signature holds.
fn refresh_request(input: &[u8]) -> Option<Value> {
    let body: NodeRefreshBody = parse(input)?;
    body.verify_signature()
        .then(|| json!({"identity": hx(body.node_identity.to_bytes()), "timestamp": body.request_timestamp}))
}
