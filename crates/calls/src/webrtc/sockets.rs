//! One UDP port for all legs, on each of the machine's addresses. A socket has an address of its own so that a reply
//! leaves from where it was asked for, without which checks fail on machines with several.

use std::{
    collections::HashSet,
    io,
    net::{IpAddr, SocketAddr, UdpSocket as StdSocket},
    ops::RangeInclusive,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::{net::UdpSocket, task::JoinHandle, time};
use tracing::{debug, warn};

use super::{addresses, routes::Routes, stun::Mapper};

/// Bytes of a datagram. No network carries a longer one unbroken.
const DATAGRAM: usize = 2_048;
/// Ports that the system proposes before opening fails, when it may choose.
const PROPOSALS: usize = 16;
/// A socket that cannot be read is read again after this.
const AGAIN: Duration = Duration::from_millis(100);

pub(super) struct Sockets {
    /// As configured; unspecified means all of the machine's.
    address: IpAddr,
    port: u16,
    homes: RwLock<Vec<Home>>,
    inbound: Arc<Inbound>,
}

/// What comes in on any socket goes through here.
#[derive(Default)]
pub(super) struct Inbound {
    pub routes: Routes,
    pub mapper: Mapper,
}

struct Home {
    local: SocketAddr,
    socket: Arc<UdpSocket>,
    reader: JoinHandle<()>,
}

impl Drop for Home {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Sockets {
    /// Takes the first port that is free on every address.
    pub(super) fn open(address: IpAddr, ports: RangeInclusive<u16>) -> io::Result<Self> {
        let inbound = Arc::new(Inbound::default());
        let wanted = wanted(address);
        let mut last = io::Error::new(io::ErrorKind::InvalidInput, "the range is empty");
        // Port 0 asks the system, whose proposal may be taken on another address.
        let tries = ports.clone().flat_map(|port| std::iter::repeat_n(port, if port == 0 { PROPOSALS } else { 1 }));
        for port in tries {
            match bind_all(&wanted, port) {
                Ok((port, sockets)) => {
                    let homes =
                        sockets.into_iter().map(|socket| Home::start(socket, &inbound)).collect::<Result<_, _>>()?;
                    return Ok(Self { address, port, homes: RwLock::new(homes), inbound });
                }
                Err(error) => last = error,
            }
        }
        let (first, end) = ports.into_inner();
        let message = format!(
            "no UDP port from {first} to {end} can be opened on {address} ({last}): choose another address or other ports"
        );
        Err(io::Error::new(last.kind(), message))
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn inbound(&self) -> &Arc<Inbound> {
        &self.inbound
    }

    /// Follows the machine's addresses, which change while it runs: leases end, networks come and go.
    pub(super) fn follow(&self) {
        if !self.address.is_unspecified() {
            return;
        }
        let wanted = wanted(self.address);
        let mut homes = self.homes.write().unwrap_or_else(PoisonError::into_inner);
        homes.retain(|home| wanted.contains(&home.local.ip()));
        let known: HashSet<IpAddr> = homes.iter().map(|home| home.local.ip()).collect();
        for address in wanted.into_iter().filter(|address| !known.contains(address)) {
            let opened = bind(address, self.port).and_then(|socket| Home::start(socket, &self.inbound));
            match opened {
                Ok(home) => homes.push(home),
                Err(error) => debug!(%address, %error, "an address of this machine is of no use to calls"),
            }
        }
    }

    /// Our addresses, the likeliest to be reached first.
    pub(super) fn locals(&self) -> Vec<SocketAddr> {
        self.homes.read().unwrap_or_else(PoisonError::into_inner).iter().map(|home| home.local).collect()
    }

    /// A datagram that cannot be sent is lost, as it might be on its way.
    pub(super) async fn send(&self, (from, to): (SocketAddr, SocketAddr), data: &[u8]) {
        let socket = {
            let homes = self.homes.read().unwrap_or_else(PoisonError::into_inner);
            homes.iter().find(|home| home.local == from).map(|home| Arc::clone(&home.socket))
        };
        if let Some(socket) = socket
            && let Err(error) = socket.send_to(data, to).await
        {
            debug!(%from, %to, %error, "a datagram was not sent");
        }
    }
}

impl Home {
    fn start(socket: StdSocket, inbound: &Arc<Inbound>) -> io::Result<Self> {
        let socket = Arc::new(UdpSocket::from_std(socket)?);
        let local = socket.local_addr()?;
        let reader = tokio::spawn(read(Arc::clone(&socket), local, Arc::clone(inbound)));
        Ok(Self { local, socket, reader })
    }
}

async fn read(socket: Arc<UdpSocket>, local: SocketAddr, inbound: Arc<Inbound>) {
    let mut buffer = [0; DATAGRAM];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) => {
                let data = &buffer[..length];
                if !inbound.mapper.answered(from, data) {
                    inbound.routes.deliver((local, from), time::Instant::now().into_std(), data);
                }
            }
            Err(error) => {
                warn!(%local, %error, "the socket of calls cannot be read");
                time::sleep(AGAIN).await;
            }
        }
    }
}

fn wanted(address: IpAddr) -> Vec<IpAddr> {
    if address.is_unspecified() { addresses::local() } else { vec![address] }
}

fn bind(address: IpAddr, port: u16) -> io::Result<StdSocket> {
    let socket = StdSocket::bind(SocketAddr::new(address, port))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Fails if the port is taken on one of them. An address that cannot be had at all is passed over, unless
/// there is no other.
fn bind_all(addresses: &[IpAddr], mut port: u16) -> io::Result<(u16, Vec<StdSocket>)> {
    let mut sockets = Vec::new();
    let mut refused = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match bind(*address, port) {
            Ok(socket) => {
                port = socket.local_addr()?.port();
                sockets.push(socket);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(error) => refused = error,
        }
    }
    if sockets.is_empty() { Err(refused) } else { Ok((port, sockets)) }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn the_first_free_port_of_a_range_is_taken() {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        // Two neighbours, of which the first is taken: the system proposes the first, and rarely the second is taken too.
        let (taken, sockets) = std::iter::repeat_with(|| {
            let taken = StdSocket::bind((local, 0)).unwrap();
            let port = taken.local_addr().unwrap().port();
            let range = port..=port.saturating_add(1);
            Sockets::open(local, range).map(|sockets| (taken, sockets))
        })
        .take(100)
        .find_map(Result::ok)
        .unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_eq!(sockets.port(), port + 1);
        let error = Sockets::open(local, port..=port + 1).err().unwrap().to_string();
        assert!(error.contains(&format!("from {port} to {}", port + 1)), "{error}");
    }

    #[tokio::test]
    async fn all_addresses_have_the_same_port() {
        let sockets = Sockets::open(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0..=0).unwrap();
        let before = sockets.locals();
        assert!(before.iter().all(|local| local.port() == sockets.port()));
        assert!(before.iter().any(|local| local.ip() == Ipv4Addr::LOCALHOST));
        sockets.follow();
        assert_eq!(sockets.locals(), before);
    }
}
