//! rust-socks5.json: the messages between a SOCKS5 client and a network requester, in both envelopes.

use crate::common::*;
use crate::layer::recipient;
use nym_bin_common::build_information::BinaryBuildInformationOwned;
use nym_exit_policy::ExitPolicy;
use nym_ordered_buffer::OrderedMessageBuffer;
use nym_service_providers_common::interface::{
    BinaryInformation, ControlRequest, ControlResponse, ProviderInterfaceVersion, RequestContent, ResponseContent,
    SupportedVersions,
};
use nym_socks5_requests::{
    QueryRequest, QueryResponse, SocketData, Socks5ProtocolVersion, Socks5ProviderRequest, Socks5ProviderResponse,
    Socks5Request, Socks5RequestContent, Socks5Response,
};
use serde_json::{json, Value};

const CONNECTION: u64 = 0x0102030405060708;

pub fn file() -> File {
    (
        "rust-socks5",
        json!({
            "requests": requests(), "bad_requests": bad_requests(),
            "responses": responses(), "bad_responses": bad_responses(),
            "control_requests": control_requests(), "control_responses": control_responses(),
            "ordering": ordering(),
        }),
    )
}

/// (name of the pair, outer, inner): the combinations that can be told apart.
fn versions() -> [(&'static str, ProviderInterfaceVersion, Socks5ProtocolVersion); 3] {
    [
        ("3/3", ProviderInterfaceVersion::new_current(), Socks5ProtocolVersion::new_current()),
        ("3/legacy", ProviderInterfaceVersion::new_current(), Socks5ProtocolVersion::new_legacy()),
        ("legacy/legacy", ProviderInterfaceVersion::new_legacy(), Socks5ProtocolVersion::new_legacy()),
    ]
}

fn requests() -> Vec<Value> {
    let mut values = Vec::new();
    for (pair, outer, inner) in versions() {
        let target = || "nymtech.net:443".to_string();
        let me = recipient(1, 3, 2);
        let cases = vec![
            (
                "connect, anonymous",
                Socks5Request::new_connect(inner, CONNECTION, target(), None),
                json!({"kind": "connect", "target": target(), "return_address": null}),
            ),
            (
                "connect, identified",
                Socks5Request::new_connect(inner, CONNECTION, target(), Some(me)),
                json!({"kind": "connect", "target": target(), "return_address": me.to_string()}),
            ),
            (
                "connect, IPv6 target",
                Socks5Request::new_connect(inner, CONNECTION, "[2001:db8::1]:80".into(), None),
                json!({"kind": "connect", "target": "[2001:db8::1]:80", "return_address": null}),
            ),
            (
                "send, empty",
                send(inner, 0, false, b""),
                json!({"kind": "send", "sequence": 0, "closed": false, "data": ""}),
            ),
            (
                "send, data",
                send(inner, 1, false, b"GET"),
                json!({"kind": "send", "sequence": 1, "closed": false, "data": hx(b"GET")}),
            ),
            (
                "send, last",
                send(inner, u64::MAX, true, b""),
                json!({"kind": "send", "sequence": u64::MAX, "closed": true, "data": ""}),
            ),
            (
                "query, open proxy",
                Socks5Request::new_query(inner, QueryRequest::OpenProxy),
                json!({"kind": "query", "query": "OpenProxy"}),
            ),
            (
                "query, description",
                Socks5Request::new_query(inner, QueryRequest::Description),
                json!({"kind": "query", "query": "Description"}),
            ),
            (
                "query, exit policy",
                Socks5Request::new_query(inner, QueryRequest::ExitPolicy),
                json!({"kind": "query", "query": "ExitPolicy"}),
            ),
        ];
        for (name, request, mut content) in cases {
            let bytes = Socks5ProviderRequest::new_provider_data(outer, request).into_bytes();
            assert!(Socks5ProviderRequest::try_from_bytes(&bytes).is_ok());
            content["connection"] = CONNECTION.into();
            values.push(
                json!({"name": format!("{name}, {pair}"), "versions": pair, "content": content, "bytes": hx(bytes)}),
            );
        }
    }
    values
}

fn send(inner: Socks5ProtocolVersion, sequence: u64, closed: bool, data: &[u8]) -> Socks5Request {
    Socks5Request::new_send(inner, SocketData::new(sequence, CONNECTION, closed, data.to_vec()))
}

/// What the crate reads, in one line, or null where it refuses.
fn read_request(bytes: &[u8]) -> Option<String> {
    let request = Socks5ProviderRequest::try_from_bytes(bytes).ok()?;
    Some(match request.content {
        RequestContent::Control(control) => format!("control {control:?}"),
        RequestContent::ProviderData(data) => match data.content {
            Socks5RequestContent::Connect(c) => format!("connect {} {}", c.remote_addr, c.return_address.is_some()),
            Socks5RequestContent::Send(s) => {
                format!("send {} {} {}", s.data.header.seq, s.data.header.local_socket_closed, hx(s.data.data))
            }
            Socks5RequestContent::Query(q) => format!("query {q:?}"),
        },
    })
}

fn bad_requests() -> Vec<Value> {
    let connect = |tail: &[u8]| [&[3, 1, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8][..], tail].concat();
    let good = recipient(1, 3, 2).to_bytes();
    let mut off_curve = good;
    off_curve[..32].fill(0);
    off_curve[0] = 2;
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", vec![]),
        ("version only", vec![3]),
        ("tag only", vec![3, 1]),
        ("unknown tag", vec![3, 2, 3, 0]),
        ("inner version only", vec![3, 1, 3]),
        ("unknown flag", vec![3, 1, 3, 3, 0]),
        ("outer version 4", [&[4][..], &connect(&[0, 3, b'a', b':', b'1'])[1..]].concat()),
        ("inner version 4", vec![3, 1, 4, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 3, b'a', b':', b'1']),
        ("inner first byte 2", vec![3, 1, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 3, b'a', b':', b'1']),
        ("legacy first byte 1", vec![1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 3, b'a', b':', b'1']),
        ("connect, connection id cut", vec![3, 1, 3, 0, 1, 2, 3, 4, 5, 6, 7]),
        ("connect, no address length", connect(&[])),
        ("connect, half an address length", connect(&[0])),
        ("connect, address cut", connect(&[0, 4, b'a', b':', b'1'])),
        ("connect, empty address", connect(&[0, 0])),
        ("connect, address is not UTF-8", connect(&[0, 3, 0xff, b':', b'1'])),
        ("connect, 95 bytes of return address", connect(&[&[0, 3, b'a', b':', b'1'][..], &good[..95]].concat())),
        ("connect, 97 bytes of return address", connect(&[&[0, 3, b'a', b':', b'1'][..], &good, &[0]].concat())),
        ("connect, return address off the curve", connect(&[&[0, 3, b'a', b':', b'1'][..], &off_curve].concat())),
        ("send, 16 bytes", [&[3, 1, 3, 1][..], &[0; 16]].concat()),
        ("send, 17 bytes", [&[3, 1, 3, 1][..], &[0; 17]].concat()),
        ("send, closed is 7", [&[3, 1, 3, 1][..], &[0; 8], &[7], &[0; 8]].concat()),
        ("query, no variant", vec![3, 1, 3, 2]),
        ("query, variant 3", vec![3, 1, 3, 2, 3]),
        ("query, trailing byte", vec![3, 1, 3, 2, 0, 0]),
        ("control, no tag", vec![3, 0]),
        ("control, unknown tag", vec![3, 0, 3]),
        ("control, trailing bytes", vec![3, 0, 0, 9, 9]),
        ("legacy outer, versioned inner", vec![3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 3, b'a', b':', b'1']),
    ];
    cases
        .into_iter()
        .map(|(name, bytes)| json!({"name": name, "bytes": hx(&bytes), "read": read_request(&bytes)}))
        .collect()
}

fn policy() -> ExitPolicy {
    ExitPolicy::parse_from_torrc(
        "ExitPolicy reject 10.0.0.0/8:*\nExitPolicy accept *:80-81\nExitPolicy accept6 [2001:db8::]/32:443\nExitPolicy reject6 *6:*\nExitPolicy reject *4:0\nExitPolicy accept *:8332",
    )
    .unwrap()
}

fn responses() -> Vec<Value> {
    let mut values = Vec::new();
    for (pair, outer, inner) in versions() {
        let mut cases = vec![
            (
                "network data",
                Socks5Response::new_network_data(inner, 0, CONNECTION, b"OK".to_vec(), false),
                json!({"kind": "data", "sequence": 0, "closed": false, "data": hx(b"OK")}),
            ),
            (
                "network data, last",
                Socks5Response::new_network_data(inner, 7, CONNECTION, vec![], true),
                json!({"kind": "data", "sequence": 7, "closed": true, "data": ""}),
            ),
            (
                "connection error",
                Socks5Response::new_connection_error(inner, CONNECTION, "not today: ü".into()),
                json!({"kind": "error", "message": "not today: ü"}),
            ),
            (
                "connection error, empty",
                Socks5Response::new_connection_error(inner, CONNECTION, String::new()),
                json!({"kind": "error", "message": ""}),
            ),
        ];
        if pair == "3/3" {
            let exit = |enabled, upstream: &str, policy| QueryResponse::ExitPolicy {
                enabled,
                upstream: upstream.into(),
                policy,
            };
            let query = |response| Socks5Response::new_query(inner, response);
            let long = "x".repeat(300);
            cases.extend([
                ("query, open proxy", query(QueryResponse::OpenProxy(true)), json!({"kind": "query", "open_proxy": true})),
                ("query, description", query(QueryResponse::Description("foo".into())), json!({"kind": "query", "description": "foo"})),
                ("query, long description", query(QueryResponse::Description(long.clone())), json!({"kind": "query", "description": long})),
                ("query, error", query(QueryResponse::Error { message: "no such query".into() }), json!({"kind": "query", "error": "no such query"})),
                ("query, no policy", query(exit(false, "", None)), json!({"kind": "query", "enabled": false, "upstream": "", "policy": null})),
                ("query, open policy", query(exit(false, "http://foo.bar", Some(ExitPolicy::new_open()))),
                 json!({"kind": "query", "enabled": false, "upstream": "http://foo.bar", "policy": ExitPolicy::new_open().format_as_torrc()})),
                ("query, policy", query(exit(true, "https://x", Some(policy()))),
                 json!({"kind": "query", "enabled": true, "upstream": "https://x", "policy": policy().format_as_torrc()})),
            ]);
        }
        for (name, response, mut content) in cases {
            let bytes = Socks5ProviderResponse::new_provider_data(outer, response).into_bytes();
            assert!(Socks5ProviderResponse::try_from_bytes(&bytes).is_ok());
            content["connection"] = CONNECTION.into();
            values.push(
                json!({"name": format!("{name}, {pair}"), "versions": pair, "content": content, "bytes": hx(bytes)}),
            );
        }
    }
    values
}

fn bad_responses() -> Vec<Value> {
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", vec![]),
        ("version only", vec![3]),
        ("unknown tag", vec![3, 2, 3, 1]),
        ("tag only", vec![3, 1]),
        ("inner version only", vec![3, 1, 3]),
        ("flag 0", vec![3, 1, 3, 0, 0]),
        ("flag 4", vec![3, 1, 3, 4, 0]),
        ("data, 16 bytes", [&[3, 1, 3, 1][..], &[0; 16]].concat()),
        ("data, 17 bytes", [&[3, 1, 3, 1][..], &[0; 17]].concat()),
        ("error, seven bytes", [&[3, 1, 3, 2][..], &[0; 7]].concat()),
        ("error, eight bytes", [&[3, 1, 3, 2][..], &[0; 8]].concat()),
        ("error, not UTF-8", [&[3, 1, 3, 2][..], &[0; 8], &[0xff]].concat()),
        ("query, variant 4", vec![3, 1, 3, 3, 4]),
        ("query, trailing byte", vec![3, 1, 3, 3, 0, 1, 0]),
        ("query, boolean 2", vec![3, 1, 3, 3, 0, 2]),
        ("query, text cut", vec![3, 1, 3, 3, 1, 5, b'a']),
        ("query, huge text", vec![3, 1, 3, 3, 1, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ("query, long form of a short length", vec![3, 1, 3, 3, 1, 0xfb, 0, 1, b'a']),
        ("inner version 4", [&[3, 1, 4, 1][..], &[0; 17]].concat()),
        ("legacy data", [&[1][..], &[0; 17]].concat()),
        ("legacy first byte 0", [&[0][..], &[0; 17]].concat()),
        ("control health", vec![3, 0, 0]),
        ("control, unknown tag", vec![3, 0, 4]),
        ("control, no tag", vec![3, 0]),
        ("control, error without JSON", vec![3, 0, 0xff]),
    ];
    cases
        .into_iter()
        .map(|(name, bytes)| json!({"name": name, "bytes": hx(&bytes), "accepted": Socks5ProviderResponse::try_from_bytes(&bytes).is_ok()}))
        .collect()
}

fn control_requests() -> Vec<Value> {
    let outer = ProviderInterfaceVersion::new_current();
    [("Health", ControlRequest::Health), ("BinaryInfo", ControlRequest::BinaryInfo), ("SupportedRequestVersions", ControlRequest::SupportedRequestVersions)]
        .into_iter()
        .map(|(name, request)| json!({"name": name, "bytes": hx(Socks5ProviderRequest::new_control(outer, request).into_bytes())}))
        .collect()
}

fn control_responses() -> Vec<Value> {
    let outer = ProviderInterfaceVersion::new_current();
    let text = |value: &str| value.to_string();
    let build_information = BinaryBuildInformationOwned {
        binary_name: text("b"),
        build_timestamp: text("t"),
        build_version: text("1.2.3"),
        commit_sha: text("s"),
        commit_timestamp: text("ct"),
        commit_branch: text("cb"),
        rustc_version: text("rv"),
        rustc_channel: text("rc"),
        cargo_profile: text("cp"),
        cargo_triple: text("ctr"),
    };
    let info = BinaryInformation { binary_name: text("nymconnect"), build_information };
    let supported = SupportedVersions {
        interface_version: ProviderInterfaceVersion::new_current().to_string(),
        provider_version: Socks5ProtocolVersion::new_legacy().to_string(),
    };
    let cases = [
        ("Health", ControlResponse::Health),
        ("BinaryInfo", ControlResponse::BinaryInfo(Box::new(info))),
        ("SupportedRequestVersions", ControlResponse::SupportedRequestVersions(supported)),
    ];
    cases
        .into_iter()
        .map(|(name, response)| {
            let bytes = Socks5ProviderResponse::new_control(outer, response).into_bytes();
            let again = Socks5ProviderResponse::try_from_bytes(&bytes).unwrap();
            assert!(matches!(again.content, ResponseContent::Control(_)));
            json!({"name": name, "bytes": hx(&bytes), "json": String::from_utf8_lossy(&bytes[3..])})
        })
        .collect()
}

/// Writes into the reorder buffer, and what can be read after each.
fn ordering() -> Vec<Value> {
    let runs: [&[u64]; 5] = [&[0, 1, 2], &[2, 1, 0, 3], &[1, 1, 0], &[0, 0], &[1000, 1001, 0, 1001]];
    runs.iter()
        .map(|sequence| {
            let mut buffer = OrderedMessageBuffer::new();
            let steps: Vec<Value> = sequence
                .iter()
                .map(|&number| {
                    let written = buffer.write(number, vec![number as u8]);
                    let read = buffer.read();
                    json!({"sequence": number, "accepted": written.is_ok(), "read": read.as_ref().map(|r| hx(&r.data)), "last": read.map(|r| r.last_sequence)})
                })
                .collect();
            json!(steps)
        })
        .collect()
}
