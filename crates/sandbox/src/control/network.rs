//! `GET /network`: the network at a glance.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use serde::Serialize;

use super::{Control, SOCKET_PATH};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Described {
    /// What a client must trust instead of WhatsApp's root, in hex.
    root_key: String,
    /// The authority behind the TLS certificate.
    ca_pem: String,
    socket: String,
    secure_socket: String,
    accounts: usize,
    devices: usize,
    sockets: usize,
    /// Stanzas that wait for each device that is away or has not acknowledged them.
    queues: BTreeMap<String, usize>,
    counters: BTreeMap<String, u64>,
}

pub(super) async fn describe(State(control): State<Control>) -> Json<Described> {
    let root_key = control.core.identity().root_public_key().iter().map(|byte| format!("{byte:02x}")).collect();
    Json(control.core.step(|state| {
        Described {
            root_key,
            ca_pem: control.ca_pem.to_string(),
            socket: format!("ws://{}{SOCKET_PATH}", control.address),
            secure_socket: format!("wss://{}{SOCKET_PATH}", control.address),
            accounts: state.accounts.len(),
            devices: state.devices.len(),
            sockets: state.outlets.len(),
            queues: state
                .queues
                .iter()
                .filter(|(_, queue)| queue.len() > 0)
                .map(|(device, queue)| (format!("{}:{}", device.number, device.device), queue.len()))
                .collect(),
            counters: state.counters.all(),
        }
    }))
}
