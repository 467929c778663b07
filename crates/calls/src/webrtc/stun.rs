//! Behind a router: the address that the world sees in place of ours, as STUN servers (RFC 8489) tell it.

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use rand::RngExt as _;
use tokio::{net, sync::watch, time};
use tracing::{info, warn};

use super::sockets::Sockets;

/// Routers forget a mapping that is idle, the hastiest after half a minute.
const ROUND: Duration = Duration::from_secs(25);
/// Requests of one round, and the wait after each: datagrams get lost.
const REQUESTS: usize = 3;
const WAIT: Duration = Duration::from_millis(500);
/// Bounds the look-up of a server's name.
const LOOKUP: Duration = Duration::from_secs(5);
/// Servers that are asked; further ones are not.
const SERVERS: usize = 4;
/// The port of `stun:` without one.
const PORT: u16 = 3478;

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const REQUEST: [u8; 2] = [0x00, 0x01];
const SUCCESS: [u8; 2] = [0x01, 0x01];
const MAPPED_ADDRESS: u16 = 0x0001;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

type Transaction = [u8; 12];

/// An address of ours, and what it looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mapping {
    pub local: SocketAddr,
    pub mapped: SocketAddr,
}

/// What was asked, and what was answered.
pub(super) struct Mapper {
    asked: Mutex<HashMap<Transaction, Asked>>,
    found: watch::Sender<Vec<Mapping>>,
}

struct Asked {
    server: SocketAddr,
    local: SocketAddr,
    answer: Option<SocketAddr>,
}

impl Default for Mapper {
    fn default() -> Self {
        Self { asked: Mutex::default(), found: watch::Sender::new(Vec::new()) }
    }
}

impl Mapper {
    pub(super) fn found(&self) -> watch::Receiver<Vec<Mapping>> {
        self.found.subscribe()
    }

    /// Whether a datagram is the answer to a request of ours.
    pub(super) fn answered(&self, from: SocketAddr, data: &[u8]) -> bool {
        let Some(transaction) = transaction(data) else { return false };
        let mut asked = self.asked();
        let Some(asked) = asked.get_mut(&transaction).filter(|asked| asked.server == from) else { return false };
        asked.answer = mapped(data).or(asked.answer);
        true
    }

    /// Asks for one round; says how many servers were asked and how many answered.
    async fn round(&self, sockets: &Sockets, servers: &[SocketAddr]) -> (usize, usize) {
        let locals = sockets.locals();
        let asks = |(server, local): &(SocketAddr, SocketAddr)| {
            server.is_ipv4() == local.is_ipv4() && server.ip().is_loopback() == local.ip().is_loopback()
        };
        let pairs = servers.iter().flat_map(|server| locals.iter().map(|local| (*server, *local))).filter(asks);
        let requests: Vec<_> = pairs.map(|(server, local)| (rand::rng().random(), server, local)).collect();
        *self.asked() =
            requests.iter().map(|&(id, server, local)| (id, Asked { server, local, answer: None })).collect();
        for _ in 0..REQUESTS {
            for (id, server, local) in &requests {
                if self.asked().get(id).is_some_and(|asked| asked.answer.is_none()) {
                    sockets.send((*local, *server), &request(id)).await;
                }
            }
            time::sleep(WAIT).await;
            self.tell();
        }
        let asked: HashSet<_> = requests.iter().map(|(_, server, _)| server).collect();
        let answered: HashSet<_> =
            self.asked().values().filter(|asked| asked.answer.is_some()).map(|asked| asked.server).collect();
        (asked.len(), answered.len())
    }

    /// What was found replaces what was known of an address; what was known of one that got no answer stays, since
    /// most likely a datagram was lost. An address that is seen as it is has no router before it.
    fn tell(&self) {
        let asked = self.asked();
        let fresh: Vec<_> = asked
            .values()
            .filter_map(|asked| asked.answer.map(|mapped| Mapping { local: asked.local, mapped }))
            .filter(|mapping| mapping.local != mapping.mapped)
            .collect();
        let answered: HashSet<_> =
            asked.values().filter(|asked| asked.answer.is_some()).map(|asked| asked.local).collect();
        let locals: HashSet<_> = asked.values().map(|asked| asked.local).collect();
        self.found.send_if_modified(|found| {
            let before = found.clone();
            found.retain(|known| {
                locals.contains(&known.local) && (!answered.contains(&known.local) || fresh.contains(known))
            });
            for mapping in fresh {
                if !found.contains(&mapping) {
                    info!(local = %mapping.local, mapped = %mapping.mapped, "calls are seen from outside");
                    found.push(mapping);
                }
            }
            *found != before
        });
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<Transaction, Asked>> {
        // Every change is complete before the next can panic.
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks again and again until the sockets are gone.
pub(super) async fn ask(sockets: Weak<Sockets>, names: Vec<String>) {
    let mut silent = false;
    loop {
        let servers = resolve(&names).await;
        let Some(sockets) = sockets.upgrade() else { return };
        let mapper = &Arc::clone(sockets.inbound()).mapper;
        let (asked, answered) = mapper.round(&sockets, &servers).await;
        drop(sockets);
        if answered == 0 && !silent {
            warn!(
                servers = ?names, asked,
                "no STUN server answers: browsers outside this network may not reach calls; a public address can be configured"
            );
        }
        silent = answered == 0;
        time::sleep(ROUND).await;
    }
}

/// One address of each family for each name.
async fn resolve(names: &[String]) -> Vec<SocketAddr> {
    let mut servers = Vec::new();
    for name in names.iter().take(SERVERS) {
        let (host, port) = split(name);
        let Ok(Ok(found)) = time::timeout(LOOKUP, net::lookup_host((host, port))).await else { continue };
        let found: Vec<_> = found.collect();
        servers.extend(found.iter().find(|address| address.is_ipv4()));
        servers.extend(found.iter().find(|address| address.is_ipv6()));
    }
    servers
}

/// `stun:host:port`, `host:port`, or either without the port.
fn split(name: &str) -> (&str, u16) {
    let name = name.strip_prefix("stun:").unwrap_or(name);
    let name = name.split('?').next().unwrap_or(name);
    // Of an IPv6 address only one in brackets can have a port.
    let (host, port) = match name.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().unwrap_or(PORT)),
        _ => (name, PORT),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

fn request(id: &Transaction) -> [u8; 20] {
    let mut request = [0; 20];
    request[..2].copy_from_slice(&REQUEST);
    request[4..8].copy_from_slice(&COOKIE);
    request[8..].copy_from_slice(id);
    request
}

/// Of a success.
fn transaction(data: &[u8]) -> Option<Transaction> {
    if !data.starts_with(&SUCCESS) || data.get(4..8)? != COOKIE {
        return None;
    }
    data.get(8..20)?.try_into().ok()
}

/// The address in a success.
fn mapped(data: &[u8]) -> Option<SocketAddr> {
    let id = data.get(4..20)?;
    let mut attributes = data.get(20..)?;
    while let Some((header, rest)) = attributes.split_first_chunk::<4>() {
        let [kind, length] = [[header[0], header[1]], [header[2], header[3]]].map(u16::from_be_bytes);
        let value = rest.get(..usize::from(length))?;
        match kind {
            XOR_MAPPED_ADDRESS => return address(value, id),
            MAPPED_ADDRESS => return address(value, &[0; 16]),
            _ => {}
        }
        // Values are padded to four bytes.
        attributes = rest.get(usize::from(length).next_multiple_of(4)..)?;
    }
    None
}

/// Family, port and address, disguised by a mask from the header.
fn address(value: &[u8], mask: &[u8]) -> Option<SocketAddr> {
    let (head, disguised) = value.split_first_chunk::<4>()?;
    let plain: Vec<u8> = disguised.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    let port = u16::from_be_bytes([head[2] ^ mask[0], head[3] ^ mask[1]]);
    let ip: IpAddr = match head[1] {
        1 => Ipv4Addr::from(<[u8; 4]>::try_from(plain.get(..4)?).ok()?).into(),
        2 => Ipv6Addr::from(<[u8; 16]>::try_from(plain.get(..16)?).ok()?).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Header and XOR-MAPPED-ADDRESS as in RFC 5769, section 2.2 and 2.3.
    const ID: Transaction = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    fn success(attributes: &[u8]) -> Vec<u8> {
        let length = u16::try_from(attributes.len()).unwrap().to_be_bytes();
        [&SUCCESS[..], &length, &COOKIE, &ID, attributes].concat()
    }

    #[test]
    fn addresses_are_read_as_the_published_test_vectors_say() {
        let v4 = [0x80, 0x22, 0, 3, b'a', b'b', b'c', 0x20, 0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        assert_eq!(mapped(&success(&v4)), Some("192.0.2.1:32853".parse().unwrap()));
        let v6 = [
            0, 0x20, 0, 0x14, 0, 2, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5,
            0xbe, 0xd2, 0xb9, 0xd9,
        ];
        assert_eq!(mapped(&success(&v6)), Some("[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap()));
    }

    #[test]
    fn an_answer_that_is_cut_short_anywhere_is_no_address() {
        let whole = success(&[0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        for length in 0..whole.len() {
            assert_eq!(mapped(&whole[..length]), None, "{length}");
        }
        assert!(mapped(&whole).is_some());
    }

    #[test]
    fn only_what_was_asked_and_by_whom_is_an_answer() {
        let mapper = Mapper::default();
        let server: SocketAddr = "192.0.2.9:3478".parse().unwrap();
        let local = "10.0.0.1:5000".parse().unwrap();
        let answer = success(&[0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        assert!(!mapper.answered(server, &answer));
        mapper.asked().insert(ID, Asked { server, local, answer: None });
        assert!(!mapper.answered("192.0.2.10:3478".parse().unwrap(), &answer));
        assert!(mapper.answered(server, &answer));
        mapper.tell();
        assert_eq!(*mapper.found().borrow(), [Mapping { local, mapped: "192.0.2.1:32853".parse().unwrap() }]);
    }

    #[test]
    fn an_address_without_a_router_before_it_is_not_mapped() {
        let mapper = Mapper::default();
        let local = "192.0.2.1:32853".parse().unwrap();
        let server = "192.0.2.9:3478".parse().unwrap();
        mapper.asked().insert(ID, Asked { server, local, answer: Some(local) });
        mapper.tell();
        assert!(mapper.found().borrow().is_empty());
    }

    #[test]
    fn servers_may_be_named_in_several_ways() {
        for (name, expected) in [
            ("stun:stun.example.org:19302", ("stun.example.org", 19302)),
            ("stun.example.org", ("stun.example.org", 3478)),
            ("192.0.2.1:1234", ("192.0.2.1", 1234)),
            ("stun:[2001:db8::1]:99", ("2001:db8::1", 99)),
            ("2001:db8::1", ("2001:db8::1", 3478)),
        ] {
            assert_eq!(split(name), expected, "{name}");
        }
    }
}
